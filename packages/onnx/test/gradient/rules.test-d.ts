import type { Rule } from '../../src/gradient/rule.ts';
import { rules } from '../../src/gradient/rules.ts';
import type { DifferentiableOperator } from '../../src/index.ts';

type Table = Readonly<Record<DifferentiableOperator, Rule>>;

const { Tanh, ...withoutOne } = rules;
rules satisfies Table;
Tanh satisfies Rule;
// @ts-expect-error a differentiable operator without a rule
withoutOne satisfies Table;
// @ts-expect-error a rule for what is no differentiable operator
({ ...rules, Equal: Tanh }) satisfies Table;
// @ts-expect-error nothing can be replaced in the table
rules.Tanh = Tanh;
