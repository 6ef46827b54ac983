// The studio's behaviour in the page: details, filters, links, keys. Text is set as text, never as HTML.
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, text, name) => {
    const node = document.createElement(tag);
    if (text) node.textContent = text;
    if (name) node.className = name;
    return node;
  };

  let dialog;
  let opener;
  const close = () => { if (dialog && dialog.open) dialog.close(); };
  const openDialog = (label, ...content) => {
    if (!dialog) {
      dialog = make("dialog", "", "cl-dialog");
      dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
      dialog.addEventListener("close", () => { if (opener) opener.focus(); });
      (find(".gradio-container") || document.body).append(dialog);
    }
    dialog.setAttribute("aria-label", label);
    dialog.replaceChildren(...content);
    if (!dialog.open) dialog.showModal();
  };
  const button = (text, act, second) => {
    const node = make("button", text, second ? "cl-button cl-second" : "cl-button");
    node.type = "button";
    node.addEventListener("click", act);
    return node;
  };

  const shownCards = (card) => all("button.cl-card", card.parentElement).filter((one) => !one.hidden);
  const step = (by) => {
    if (!opener) return;
    const cards = shownCards(opener);
    const next = cards[(cards.indexOf(opener) + by + cards.length) % cards.length];
    if (next) details(next);
  };
  const figure = (source, alt, caption) => {
    const node = make("figure");
    const image = make("img");
    image.src = source;
    image.alt = alt;
    node.append(image, make("figcaption", caption));
    return node;
  };
  const details = (card) => {
    opener = card;
    const data = card.dataset;
    const pair = make("div", "", "cl-pair");
    const painting = find("#painting img");
    if (painting) pair.append(figure(painting.src, painting.alt, "This picture"));
    pair.append(figure(data.src, find("img", card).alt, `${data.title}, ${data.artist}`));
    const list = make("dl", "", "cl-recipe");
    const sides = { proponent: "Shaped it most", opponent: "Pulled away", memorised: "Self-influence" };
    const rows = [
      ["Title", data.title], ["Artist", data.artist], ["Style", data.style], ["Year", data.year],
      ["Licence", data.licence], [sides[data.side], `rank ${data.rank}`],
      ["Above its usual", data.side === "memorised" ? "" : data.z],
      ["Raw score", data.side === "memorised" ? "" : data.score],
      ["Self-influence", data.self], ["Work", data.id],
    ];
    for (const [name, value] of rows) if (value) list.append(make("dt", name), make("dd", value));
    const page = make("a", `All works and credits of ${data.artist}`);
    page.href = data.artistPage;
    const links = make("p", "", "cl-links");
    links.append(page);
    const buttons = make("div", "", "cl-dialog-buttons");
    buttons.append(button("Previous", () => step(-1), true), button("Next", () => step(1), true),
      button("Close", close));
    openDialog(`${data.title}, ${data.artist}`, pair, list, links, buttons);
    buttons.lastChild.focus();
  };

  const filter = (bar) => {
    const on = bar.getAttribute("aria-pressed") !== "true";
    for (const one of all("button.cl-bar")) one.setAttribute("aria-pressed", String(on && one === bar));
    for (const card of all("button.cl-card")) {
      card.hidden = on ? card.dataset.artistId !== bar.dataset.filter : "deeper" in card.dataset;
    }
  };
  const copy = async (link) => {
    const address = new URL(link.getAttribute("href"), location.href).href;
    try {
      await navigator.clipboard.writeText(address);
      link.textContent = "Link copied";
    } catch {
      prompt("Copy this link:", address);
    }
  };
  const keys = () => openDialog("Keys", make("h2", "Keys", "cl-h2"),
    ...[["Ctrl + Enter", "Generate"], ["Esc", "Cancel the painting, or close a detail"],
      ["← →", "Previous and next work in the detail view"], ["?", "These keys"]].map(([key, what]) => {
      const line = make("p");
      line.append(make("kbd", key), ` ${what}`);
      return line;
    }), button("Close", close));

  document.addEventListener("click", (event) => {
    const card = event.target.closest("button.cl-card");
    if (card) details(card);
    const bar = event.target.closest("button.cl-bar");
    if (bar) filter(bar);
    const link = event.target.closest("a[data-copy-link]");
    if (link) { event.preventDefault(); copy(link); }
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      find("#generate")?.click();
    } else if (dialog && dialog.open) {
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    } else if (event.key === "Escape") {
      const cancel = find("#cancel");
      if (cancel && !cancel.disabled) cancel.click();
    } else if (event.key === "?" && !typing) {
      keys();
    }
  });

  // the address follows the run that is shown, so that a reload or a copied address finds it again
  let shown = null;
  new MutationObserver(() => {
    const marker = find("p.cl-links[data-run]");
    const run = marker && marker.dataset.run;
    if (!run || run === shown) return;
    shown = run;
    const address = new URL(location.href);
    if (run !== "example" || address.searchParams.has("run")) {
      address.searchParams.set("run", run);
      history.replaceState(history.state, "", address);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
