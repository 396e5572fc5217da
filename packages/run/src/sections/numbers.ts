import { z } from 'zod';

/** 1, 2, 3, … */
export const count = z.int().min(1);
/** From 0 to 1. */
export const share = z.number().min(0).max(1);
/** From 0 to below 1. */
export const decay = z.number().min(0).lt(1);
/** Above 0. */
export const positive = z.number().positive();
