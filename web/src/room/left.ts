/** How long it is until something begins, in words or as a clock. Pure. */
export function left(ms: number, language: string): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 0) return "";
  const hours = Math.floor(seconds / 3600);
  // Whole days are enough while there are two of them.
  if (hours >= 48) return new Intl.RelativeTimeFormat(language).format(Math.floor(hours / 24), "day");
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${clock}` : clock;
}
