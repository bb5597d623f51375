import "../style/tokens.css";
import "../style/accents.css";
import "../style/base.css";
import "../style/controls.css";
import "../style/shell.css";
import "../style/about.css";
import { startThemeSwitch } from "../theme";

startThemeSwitch();

// The control room keeps its place behind the `#`; a change of language must not lose it.
for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-language]")) {
  link.addEventListener("click", () => {
    link.hash = location.hash;
  });
}

// An open menu closes as people expect: by Escape, and by a click elsewhere.
for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target as Node)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}

const leave = document.querySelector<HTMLButtonElement>("button[data-logout]");
leave?.addEventListener("click", async () => {
  leave.disabled = true;
  try {
    await fetch("/api/v1/session", { method: "DELETE" });
  } finally {
    location.assign("/login");
  }
});
