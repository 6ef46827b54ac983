// The studio's behaviour in the page: filters, links, the address. Text is set as text, never as HTML;
// every word comes from the page.
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const filter = (bar) => {
    const on = bar.getAttribute("aria-pressed") !== "true";
    for (const one of all("button.cl-bar")) one.setAttribute("aria-pressed", String(on && one === bar));
    for (const card of all("button.cl-card")) {
      card.hidden = on ? !card.dataset.makers.split(" ").includes(bar.dataset.filter) : "deeper" in card.dataset;
    }
  };
  // what only paper shows is fetched when somebody prints: its pictures, its whole address
  const onPaper = () => {
    for (const one of all("[data-address]")) {
      one.textContent = new URL(`.${one.dataset.address}`, location.href).href;
    }
    return all(".cl-paper img").map((one) => new Promise((loaded) => {
      if (one.complete && one.naturalWidth) loaded();
      one.addEventListener("load", loaded);
      one.addEventListener("error", loaded);
      one.loading = "eager";
    }));
  };
  const print = async () => { await Promise.all(onPaper()); window.print(); };
  window.addEventListener("beforeprint", onPaper);
  const copy = async (link) => {
    const address = new URL(link.getAttribute("href"), location.href).href;
    try {
      await navigator.clipboard.writeText(address);
      link.textContent = link.dataset.copyLink;
    } catch {
      prompt(link.dataset.copyByHand, address);
    }
  };
  document.addEventListener("click", (event) => {
    const bar = event.target.closest("button.cl-bar");
    if (bar) filter(bar);
    const link = event.target.closest("a[data-copy-link]");
    if (link) { event.preventDefault(); copy(link); }
    if (event.target.closest("[data-print]")) { event.preventDefault(); print(); }
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-language]")) return;
    const { pathname } = new URL("./", document.baseURI); // every page lies in one folder
    const year = 365 * 24 * 3600;
    document.cookie = `creditline_language=${event.target.value}; path=${pathname}; max-age=${year}; samesite=lax`;
    location.reload();
  });
  // the address follows the run that is shown, and from its first second one that is under way, so
  // that a reload or a copied address finds it again
  let shown = null;
  let changed = Date.now();
  new MutationObserver((records) => {
    const status = find("#status");
    if (status && records.some((one) => status.contains(one.target))) changed = Date.now();
    const marker = find("#status [data-run]") || find("p.cl-links[data-run]");
    const run = marker && marker.dataset.run;
    if (!run || run === shown) return;
    shown = run;
    const address = new URL(location.href);
    if (run !== "example" || address.searchParams.has("run")) {
      if (address.searchParams.get("run") !== run) address.searchParams.delete("settings");
      address.searchParams.set("run", run);
      history.replaceState(history.state, "", address);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
  // where nothing has been heard of a job for a while and the studio knows more, its connection was
  // lost: the page is opened again at the job's address
  const QUIET = 20000; // milliseconds: a machine that is busy is not one that is gone
  setInterval(async () => {
    const marker = find("#status [data-run]");
    if (!marker || Date.now() - changed < QUIET) return;
    const { run, heard } = marker.dataset;
    try {
      const answer = await fetch(new URL(`api/v1/jobs/${encodeURIComponent(run)}`, document.baseURI));
      if (!answer.ok && answer.status !== 404) return;
      const job = answer.ok ? await answer.json() : {};
      if (`${job.state} ${job.position ?? ""} ${job.done ?? ""}` !== heard) location.reload();
    } catch {
      // the studio does not answer (yet): asked again
    }
  }, 4000);
})();
