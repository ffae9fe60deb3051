// How long the interceptor may forward a token that it has read.
import { setTimeout } from 'node:timers/promises';

/** Until every instance reads the table again. */
export const forgotten = () => setTimeout(5_500);
