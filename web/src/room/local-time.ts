/** Puts times that the server wrote in UTC into the reader's own. */
export function showLocalTimes(root: ParentNode = document): void {
  const language = document.documentElement.lang;
  const region = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
  const format = new Intl.DateTimeFormat(region, { dateStyle: "full", timeStyle: "short" });
  for (const time of root.querySelectorAll<HTMLTimeElement>("time[data-local]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = format.format(at);
  }
}
