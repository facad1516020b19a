// What Unfold's pages lack for people who do not use a mouse or do not see: a dialog that is one, and silent icons.
(() => {
  "use strict";

  let opener = null;

  const quietIcons = (root) => {
    for (const icon of root.querySelectorAll(".material-symbols-outlined:not([aria-hidden])")) {
      icon.setAttribute("aria-hidden", "true");
    }
  };

  const close = () => {
    const page = document.getElementById("page");
    if (page) page.inert = false;
    if (opener && opener.isConnected) opener.focus();
    opener = null;
  };

  const open = (box, dialog) => {
    const title = dialog.querySelector("h1");
    if (title) title.id = "bh-dialog-title";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-modal", "true");
    if (title) box.setAttribute("aria-labelledby", title.id);
    const cross = dialog.querySelector(":scope > div:first-child");
    if (cross && !cross.hasAttribute("role")) {
      cross.setAttribute("role", "button");
      cross.setAttribute("tabindex", "0");
      cross.setAttribute("aria-label", "Close");
      cross.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          cross.click();
        }
      });
    }
    const page = document.getElementById("page");
    if (page && !page.contains(box)) page.inert = true;
    const first = dialog.querySelector("[aria-invalid=true], [autofocus], textarea, select, input:not([type=hidden]), button");
    if (first) first.focus();
  };

  // A long list is taken from a file into its field: it is seen there before anything is sent.
  const offerFiles = (root) => {
    for (const area of root.querySelectorAll("textarea[data-bh-file]")) {
      const label = document.createElement("label");
      const input = document.createElement("input");
      label.className = "bh-file";
      label.textContent = area.dataset.bhFile;
      input.type = "file";
      input.accept = ".csv,.txt,text/plain,text/csv";
      input.addEventListener("change", async () => {
        if (input.files.length) area.value = await input.files[0].text();
      });
      label.append(input);
      area.after(label);
      area.removeAttribute("data-bh-file");
    }
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    const box = document.getElementById("modal-content");
    if (box && !box.contains(event.target)) opener = event.target;
  });

  document.addEventListener("htmx:afterSwap", () => {
    const box = document.getElementById("modal-content");
    const dialog = document.getElementById("dialog");
    if (box && dialog && box.contains(dialog)) {
      offerFiles(dialog);
      open(box, dialog);
    }
    quietIcons(document);
  });

  document.addEventListener("DOMContentLoaded", () => {
    quietIcons(document);
    const overlay = document.getElementById("modal-overlay");
    if (!overlay) return;
    // Alpine hides the overlay by its style: whichever way the dialog was closed, the page comes back.
    new MutationObserver(() => {
      if (overlay.style.display === "none") close();
    }).observe(overlay, { attributes: true, attributeFilter: ["style"] });
  });
})();
