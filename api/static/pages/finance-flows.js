// Draws the flows of the table below as a Sankey diagram. Without scripts the table says the same.
(() => {
  const place = document.getElementById("flows");
  const rows = [...document.querySelectorAll("tr[data-debtor]")].map((row) => row.dataset);
  // A width stands for what somebody owes; what is below zero (more was reversed than used) has none.
  const flows = rows.filter((row) => Number(row.fen) > 0);
  if (!place || !flows.length || typeof echarts === "undefined") return;
  place.hidden = false;

  const yuan = (fen) =>
    "¥" + (fen / 100).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  // Who owes stands left, who is owed stands right; most are both, and a diagram must not go round.
  const links = new Map();
  for (const { debtor, creditor, fen } of flows) {
    const key = `${debtor}>${creditor}`;
    const found = links.get(key) ?? { source: `<${debtor}`, target: `>${creditor}`, value: 0 };
    found.value += Number(fen);
    links.set(key, found);
  }
  const names = new Set([...links.values()].flatMap((link) => [link.source, link.target]));
  const palette = ["#0b6e5f", "#b4690e", "#3b5bdb", "#a61e4d", "#5f3dc4", "#2b8a3e", "#0b7285", "#862e9c"];
  const codes = [...new Set([...names].map((name) => name.slice(1)))].sort();
  const colour = (name) => palette[codes.indexOf(name.slice(1)) % palette.length];

  const chart = echarts.init(place, null, { renderer: "canvas" });
  const draw = () => {
    const style = getComputedStyle(document.body);
    chart.setOption({
      animation: false,
      // Drawn, not written: the page's policy lets no script write styles into it.
      tooltip: {
        renderMode: "richText",
        formatter: ({ dataType, data, value, name }) =>
          dataType === "edge"
            ? `${data.source.slice(1)} → ${data.target.slice(1)}\n${yuan(data.value)}`
            : `${name.slice(1)} ${name[0] === "<" ? place.dataset.owes : place.dataset.isOwed}\n${yuan(value)}`,
      },
      series: [{
        type: "sankey",
        left: 8, right: 110, top: 12, bottom: 12,
        nodeGap: 14,
        draggable: false,
        emphasis: { focus: "adjacency" },
        label: { color: style.color, fontFamily: style.fontFamily, formatter: ({ name }) => name.slice(1) },
        lineStyle: { color: "source", opacity: 0.35 },
        data: [...names].map((name) => ({ name, itemStyle: { color: colour(name) } })),
        links: [...links.values()],
      }],
    });
  };
  draw();
  addEventListener("resize", () => chart.resize());
  // On paper it is black on white, too.
  matchMedia("print").addEventListener("change", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
