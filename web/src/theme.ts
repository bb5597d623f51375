export type Theme = "auto" | "light" | "dark";

const order: readonly Theme[] = ["auto", "light", "dark"];

/** The theme after this one, as the switch goes round. */
export function nextTheme(theme: Theme): Theme {
  return order[(order.indexOf(theme) + 1) % order.length] ?? "auto";
}

/**
 * Makes the header's button change the theme. The choice travels in a cookie, so that the server writes it into
 * the next page and nothing flashes.
 */
export function startThemeSwitch(): void {
  const root = document.documentElement;
  const button = document.querySelector<HTMLButtonElement>("button.theme-switch");
  if (!button) return;
  const name = () => {
    const text = button.dataset[root.dataset.theme ?? "auto"] ?? "";
    button.setAttribute("aria-label", text);
    button.title = text;
  };
  button.addEventListener("click", () => {
    const theme = nextTheme((root.dataset.theme as Theme | undefined) ?? "auto");
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
    name();
  });
  name();
}
