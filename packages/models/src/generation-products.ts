// N rows, I input width, O output width
import { add, input, matMul, split, type Value } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { adapterProducts } from './lora/joined-adapters.ts';
import type { LoraConfig } from './lora/lora-config.ts';
import { multipliedWeights, type Quantization } from './quantization/quantization.ts';
import { quantizedProduct } from './quantization/quantized-product.ts';

/** `x_NI @ weight_OIᵀ`. Returns [N, O]. */
type Product = (x_NI: Value) => Value;

/**
 * The products of a generation graph that are other than by a float32 weight, by its name: quantised ones, and those with
 * an adapter beside them. What multiplies the same rows are pieces of one product, which a graph computes once.
 */
export function generationProducts(
  config: ModelConfig,
  { quantization, lora }: { readonly quantization: Quantization | undefined; readonly lora: LoraConfig | undefined },
): ReadonlyMap<string, Product> {
  const beside = lora && adapterProducts(config, lora);
  const products = new Map<string, Product>();
  for (const weight of multipliedWeights(config)) {
    const side = beside?.get(weight.name);
    const whole = quantization && withSide(quantizedProduct(weight, quantization), side);
    const widths = weight.parts.map(({ shape }) => shape[0]!); // multiplied weights are matrices
    for (const [index, { name, shape }] of weight.parts.entries()) {
      const pieceOf =
        (joined: Product): Product =>
        (x_NI) =>
          split(joined(x_NI), widths, -1)[index]!;
      const plain: Product = (x_NI) => matMul(x_NI, input(name, 'float32', shape), { transposeB: true });
      if (whole) products.set(name, pieceOf(whole));
      else if (side) products.set(name, withSide(plain, pieceOf(side)));
    }
  }
  return products;
}

function withSide(product: Product, side: Product | undefined): Product {
  return side === undefined ? product : (x_NI) => add(product(x_NI), side(x_NI));
}
