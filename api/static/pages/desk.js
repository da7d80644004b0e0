// The front desk's keys. Everything here can be done without, too.
(() => {
  const field = document.getElementById("field-number");
  const home = document.querySelector("[data-desk]")?.dataset.desk;
  const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    // A Chinese keyboard makes another sign of the same key.
    const slash = event.key === "/" || (event.code === "Slash" && !event.shiftKey);
    if (slash && !typing(event.target)) {
      event.preventDefault();
      if (field) {
        field.focus();
        field.select();
      } else if (home) location.assign(home);
    } else if (event.key === "Escape" && field) {
      event.preventDefault();
      // A guest's data go from the screen with the guest.
      if (location.search || location.pathname !== home) location.replace(home);
      else {
        field.value = "";
        field.focus();
      }
    }
  });

  // Some scanners end with Tab in place of Enter. They type all of it at once, as nobody's fingers do; who types
  // the number goes on to the next field with Tab, as everywhere.
  const LEAST = 4;
  const EACH_MS_MAX = 50;
  let began = 0;
  let keys = 0;
  field?.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const each = (event.timeStamp - began) / keys;
    if (event.key === "Tab" && !event.shiftKey && keys >= LEAST && each < EACH_MS_MAX) {
      event.preventDefault();
      field.form.requestSubmit();
    } else if (event.key.length === 1) {
      if (!field.value || each >= EACH_MS_MAX) {
        began = event.timeStamp;
        keys = 0;
      }
      keys += 1;
    }
  });

  if (navigator.mediaDevices?.getUserMedia) {
    for (const link of document.querySelectorAll("[data-camera]")) link.hidden = false;
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  // A receipt on a roll is as long as what is on it: measured as it is printed, on a copy that nobody sees.
  const roll = document.querySelector("link[data-roll]");
  const slip = document.querySelector(".slip");
  if (roll && slip) {
    const [WIDTH, MARGIN, LEAST] = [80, 4, 40];
    const fit = () => {
      if (!roll.sheet) return;
      const copy = slip.cloneNode(true);
      copy.classList.add("slip-measured");
      for (const one of copy.querySelectorAll("[id]")) one.removeAttribute("id");
      copy.setAttribute("aria-hidden", "true");
      document.body.append(copy);
      const millimetre = copy.offsetWidth / (WIDTH - 2 * MARGIN);
      // A printer's fonts round a little otherwise than a screen's: one line more to be sure of one sheet.
      const long = Math.max(LEAST, Math.ceil(copy.scrollHeight / millimetre) + 2 * MARGIN + 5);
      copy.remove();
      const rules = [...roll.sheet.cssRules];
      const old = rules.findIndex((rule) => rule instanceof CSSPageRule);
      if (old >= 0) roll.sheet.deleteRule(old);
      roll.sheet.insertRule(`@page { size: ${WIDTH}mm ${long}mm; margin: ${MARGIN}mm; }`, 0);
    };
    addEventListener("beforeprint", fit);
    addEventListener("load", fit);
    document.fonts.ready.then(fit);
  }
})();
