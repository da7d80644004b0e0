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
})();
