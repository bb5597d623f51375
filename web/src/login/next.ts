/** Where to go after the login: only to a page of our own, else to the control room. */
export function safeNext(next: string, origin: string): string {
  try {
    const url = new URL(next, origin);
    if (next.startsWith("/") && url.origin === origin) return url.pathname + url.search + url.hash;
  } catch {
    // No address at all.
  }
  return "/admin";
}
