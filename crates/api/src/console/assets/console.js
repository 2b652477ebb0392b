// Comforts of the console. Every page works without them.
"use strict";
const reveal = (root) => {
  for (const element of root.querySelectorAll("[data-copy], [data-print], [data-all]")) element.hidden = false;
};
reveal(document);

document.addEventListener("click", async (event) => {
  const copied = event.target.closest("[data-copy]");
  if (copied) {
    try {
      await navigator.clipboard.writeText(copied.dataset.copy);
      copied.classList.add("done");
      setTimeout(() => copied.classList.remove("done"), 1200);
    } catch {
      copied.hidden = true;
    }
  }
  if (event.target.closest("[data-print]")) window.print();
});

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (!all) return;
  for (const box of all.closest("form").querySelectorAll(`input[name="${all.dataset.all}"]`)) box.checked = all.checked;
});

// A form is sent once; the server does not rely on it.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) {
    event.preventDefault();
    return;
  }
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// "[" and "]" turn pages; "/" opens the filters.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const relation = { "[": "prev", "]": "next" }[event.key];
  if (relation) document.querySelector(`main a[rel="${relation}"]`)?.click();
  if (event.key === "/") {
    const filters = document.querySelector(".filters details");
    if (filters) {
      event.preventDefault();
      filters.open = true;
      filters.querySelector("input:not([type=hidden])")?.focus();
    }
  }
});

// The progress of exports.
const refresh = async () => {
  const part = document.querySelector("[data-refresh]");
  if (!part) return;
  const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (answer?.ok && !answer.redirected) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const sections = page.querySelectorAll("main > section");
    const fresh = sections[sections.length - 1];
    if (fresh) {
      reveal(fresh);
      part.replaceWith(fresh);
    }
  }
  schedule();
};
const schedule = () => {
  const part = document.querySelector("[data-refresh]");
  if (part) setTimeout(refresh, Number(part.dataset.refresh) * 1000);
};
schedule();
