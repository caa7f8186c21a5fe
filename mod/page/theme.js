/**
 * Dark or light: as the system has it, unless somebody chooses.
 *
 * @module
 */

const KEY = "halb.theme";
const THEMES = ["auto", "light", "dark"];
const WORDS = { auto: "Auto", light: "Light", dark: "Dark" };

function remembered() {
  try {
    const theme = localStorage.getItem(KEY);
    return THEMES.includes(theme) ? theme : "auto";
  } catch {
    return "auto";
  }
}

export function setUpTheme(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = remembered();
  const apply = () => {
    const dark = theme === "dark" || theme === "auto" && system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.textContent = WORDS[theme];
    button.setAttribute("aria-label", `${WORDS[theme]} colours`);
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // It counts for as long as the page is open.
    }
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}
