/** Low-rank adapters: `W + scale · B·A` in place of `W`, with W frozen. Source: arXiv 2106.09685; the names are PEFT's. */
export interface LoraConfig {
  /** Rows of A and columns of B. */
  readonly rank: number;
  /** The product of A and B is scaled by `alpha / rank`. @default 2 · rank */
  readonly alpha?: number;
  /** Linear layers that get an adapter, by the last part of their names. @default {@link LORA_TARGETS} */
  readonly targetModules?: readonly string[];
}

/** Every linear layer of a block. */
export const LORA_TARGETS: readonly string[] = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
];

/** Factor of the product of the two adapter matrices. */
export const loraScale = ({ rank, alpha = 2 * rank }: LoraConfig): number => alpha / rank;
