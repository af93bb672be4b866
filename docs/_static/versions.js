// The versions of which the site has pages, at the end of the bar at the left. The list lies beside the versions, so that older ones name newer ones.

function showVersions(names) {
  const bar = document.querySelector(".sidebar-scroll");
  if (!bar || names.length < 2) return;
  const list = document.createElement("p");
  list.className = "caption";
  list.append("Versions:");
  for (const name of names) {
    const link = document.createElement("a");
    link.href = `${document.documentElement.dataset.content_root}../${name}/index.html`;
    link.textContent = name;
    list.append(" ", link);
  }
  bar.append(list);
}

document.addEventListener("DOMContentLoaded", () => {
  const script = document.createElement("script");
  script.src = `${document.documentElement.dataset.content_root}../versions.js`;
  document.head.append(script);
});
