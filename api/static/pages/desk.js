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

  if (navigator.mediaDevices?.getUserMedia) {
    for (const link of document.querySelectorAll("[data-camera]")) link.hidden = false;
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
})();
