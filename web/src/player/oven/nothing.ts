/** Stands where OvenPlayer has what we leave out: advertising and DASH. */
export default function nothing(): null {
  return null;
}
