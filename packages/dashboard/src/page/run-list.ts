import { byId, make } from './dom.ts';
import { duration } from './format.ts';
import { colorOf, state } from './state.ts';

/** Lists the runs in the header, each to be shown or hidden. */
export function showRunList(onToggle: () => void): void {
  byId('runs').replaceChildren(
    ...state.runs.map(({ name, folder, lastStep, wallSeconds, skippedLines, warnings }) => {
      const box = make('input', { type: 'checkbox', checked: !state.hidden.has(name) });
      box.addEventListener('change', () => {
        if (box.checked) state.hidden.delete(name);
        else state.hidden.add(name);
        onToggle();
      });
      const color = make('i');
      color.style.setProperty('--color', colorOf(name));
      const facts = [
        lastStep === null ? 'no steps yet' : `step ${lastStep.toLocaleString('en-US')}`,
        ...(wallSeconds === null ? [] : [duration(wallSeconds)]),
        ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
        ...(skippedLines === 0 ? [] : [`${skippedLines} unreadable lines`]),
      ];
      return make('label', { title: folder }, box, color, name, make('small', {}, facts.join(' · ')));
    }),
  );
}
