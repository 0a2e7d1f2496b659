// Small comforts of every page. All pages work without this file, only plainer.
import { startCopyButtons } from "./page/copy.js";
import { startForms } from "./page/forms.js";
import { startKeyboard } from "./page/keyboard.js";
import { startThemeSwitch } from "./page/theme-switch.js";
import { startTimes } from "./page/times.js";

startTimes();
startCopyButtons();
startForms();
startKeyboard();
startThemeSwitch();
