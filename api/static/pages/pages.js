// What the pages need of scripts; all of them work without.
(() => {
  // A form that was sent must not be sent again before the answer is there.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    if (form.method === "post") form.dataset.sent = "yes";
  });
  // A page that the browser kept as it was left may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  const toggle = document.querySelector(".frame-toggle");
  const menu = document.getElementById("menu");
  toggle?.addEventListener("click", () => {
    const open = menu.classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(open));
  });

  // What went wrong is read out first.
  document.querySelector("[data-focus]")?.focus();
})();
