// Looking closely: a work beside the painting, the keys, and pictures walked by arrows.
// The dialogs and every word in them lie in the page's templates; here they are opened and filled.
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const FOCUSABLE = "a[href], button, input, summary";

  let dialog = null; // the one that is open
  let opener = null; // what had the focus before: it gets it back
  let card = null; // the work that is looked at
  let showing = "beside"; // as it was left for the last work

  const close = () => dialog?.close();
  const open = (name) => {
    const template = find(`template#${name}`);
    if (!template) return null;
    close();
    opener = document.activeElement;
    dialog = template.content.firstElementChild.cloneNode(true);
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-close]")) close();
    });
    dialog.addEventListener("close", (event) => {
      event.target.remove();
      if (event.target !== dialog) return;
      const back = card?.isConnected ? card : opener;
      dialog = null;
      card = null;
      if (back?.isConnected) back.focus();
    });
    (find(".gradio-container .contain") || document.body).append(dialog); // where the stylesheet holds
    dialog.showModal();
    return dialog;
  };

  // --- a work beside the painting -------------------------------------------------------------

  const row = (one) => all("button.cl-card", one.closest(".cl-cards")).filter((each) => !each.hidden);
  const fill = () => {
    const cards = row(card);
    const painting = find("#painting img");
    const work = find("[data-work] img", dialog);
    const picture = find("[data-painting]", dialog);
    find("#cl-looking-title", dialog).textContent = card.dataset.title;
    work.src = card.dataset.src;
    work.alt = find("img", card).alt;
    picture.hidden = !painting;
    if (painting) Object.assign(find("img", picture), { src: painting.src, alt: painting.alt });
    const place = find("[data-place]", dialog);
    place.textContent = place.dataset.place
      .replace("{place}", cards.indexOf(card) + 1).replace("{all}", cards.length);
    find("[data-facts]", dialog).replaceChildren(find("template", card).content.cloneNode(true));
    for (const one of all("[data-step]", dialog)) one.disabled = cards.length < 2;
  };
  const show = (way) => {
    showing = way;
    find(".cl-stage", dialog).dataset.showing = way;
    for (const one of all("[data-view]", dialog)) {
      one.setAttribute("aria-pressed", String(one.dataset.view === way));
    }
  };
  const cut = () => {
    const stage = find(".cl-stage", dialog);
    stage.style.setProperty("--cut", `${find(".cl-wipe", stage).value}%`);
  };
  const look = (at) => {
    card = at;
    if (!open("cl-looking")) return;
    card = at;
    opener = at;
    fill();
    show(showing);
    cut();
    find(".cl-wipe", dialog).addEventListener("input", cut);
    for (const one of all("[data-view]", dialog)) {
      one.addEventListener("click", () => show(one.dataset.view));
    }
    for (const one of all("[data-step]", dialog)) {
      one.addEventListener("click", () => step(Number(one.dataset.step)));
    }
    find("[data-step='1']:not(:disabled), .cl-button[data-close]", dialog).focus();
  };
  const step = (by) => {
    const cards = row(card);
    card = cards[(cards.indexOf(card) + by + cards.length) % cards.length];
    fill();
  };

  // --- keys -----------------------------------------------------------------------------------

  const writing = (node) =>
    node.isContentEditable || /^(TEXTAREA|SELECT)$/.test(node.tagName) ||
    (node.tagName === "INPUT" && !/^(radio|checkbox|range|button|submit)$/.test(node.type));
  const trap = (event) => {
    const nodes = all(FOCUSABLE, dialog).filter((one) => !one.disabled && one.checkVisibility());
    const [first, last] = [nodes[0], nodes[nodes.length - 1]];
    const inside = dialog.contains(document.activeElement) && document.activeElement !== dialog;
    if (event.shiftKey ? document.activeElement === first || !inside
      : document.activeElement === last || !inside) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  };
  const inDialog = (event) => {
    if (event.key === "Tab") trap(event);
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.toLowerCase() === "s") show(showing === "over" ? "beside" : "over");
    if (event.target.type === "range") return; // there the arrows move the slider
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  };
  const along = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const one = by && event.target.closest?.(".cl-cards .cl-card:is(a, button)");
    if (!one) return;
    const cards = all(".cl-card:is(a, button)", one.closest(".cl-cards")).filter((each) => !each.hidden);
    const next = cards[cards.indexOf(one) + by];
    if (next) { event.preventDefault(); next.focus(); }
  };

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button.cl-card");
    if (pressed) look(pressed);
    if (event.target.closest("[data-keys]")) open("cl-keys");
  });
  document.addEventListener("keydown", (event) => {
    if (dialog?.open) inDialog(event);
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("#generate")?.click();
    else if (event.key === "Escape") find("#cancel:not(:disabled)")?.click();
    else if (event.key === "?" && !writing(event.target)) open("cl-keys");
    else along(event);
  });
})();
