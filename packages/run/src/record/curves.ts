/** One measured line of a picture. */
export interface Curve {
  readonly label: string;
  readonly color: string;
  /** [x, y] with y between 0 and 1. */
  readonly points: readonly (readonly [number, number])[];
}

export interface CurvesOptions {
  readonly title: string;
  readonly xLabel: string;
  /** Where a phase ends: a vertical line with a text. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
}

const width = 760;
const height = 320;
const margin = { left: 46, right: 16, top: 34, bottom: 40 };

/** A picture of shares over time as SVG: y runs from 0 to 1. */
export function curvesSvg(curves: readonly Curve[], { title, xLabel, marks = [] }: CurvesOptions): string {
  const xMax = Math.max(1, ...curves.flatMap(({ points }) => points.map(([x]) => x)));
  const x = (value: number) => margin.left + (value / xMax) * (width - margin.left - margin.right);
  const y = (value: number) => height - margin.bottom - value * (height - margin.top - margin.bottom);
  const at = (px: number, py: number) => `x="${px.toFixed(1)}" y="${py.toFixed(1)}"`;
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(value)}" y2="${y(value)}" stroke="#d8dee4"/>` +
      `<text ${at(margin.left - 8, y(value) + 4)} text-anchor="end">${value}</text>`,
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<text ${at(x(share * xMax), height - margin.bottom + 18)} text-anchor="middle">${Math.round(share * xMax)}</text>`,
  );
  const lines = curves.map(({ color, points }) => {
    const path = points
      .map(([px, py]) => `${x(px).toFixed(1)},${y(Math.min(1, Math.max(0, py))).toFixed(1)}`)
      .join(' ');
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`;
  });
  const legend = curves.map(
    ({ label, color }, i) =>
      `<rect ${at(margin.left + 8 + i * 170, margin.top + 6)} width="12" height="3" fill="${color}"/>` +
      `<text ${at(margin.left + 26 + i * 170, margin.top + 11)}>${escaped(label)}</text>`,
  );
  const cuts = marks.map(
    (mark) =>
      `<line x1="${x(mark.x)}" x2="${x(mark.x)}" y1="${y(0)}" y2="${y(1)}" stroke="#8c959f" stroke-dasharray="4 3"/>` +
      `<text ${at(x(mark.x) + 6, y(0) - 8)} fill="#57606a">${escaped(mark.label)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#24292f">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text ${at(margin.left, 20)} font-size="14" font-weight="600">${escaped(title)}</text>`,
    ...grid,
    ...ticks,
    `<text ${at(width - margin.right, height - 6)} text-anchor="end">${escaped(xLabel)}</text>`,
    ...cuts,
    ...lines,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
