// SPDX-License-Identifier: MIT
// Runs inside a copy of report.html, after axe-core: what axe finds with every <details> open, then what
// a report must hold beside it. One line a finding, into the page (or, in a frame, to the page around it).
(async () => {
	const found = [];
	const say = (rule, nodes, why) => {
		for (const node of nodes.slice(0, 3))
			found.push(`${rule}: ${why}: ${(node.outerHTML || node).replace(/\s+/g, " ").slice(0, 160)}`);
		if (nodes.length > 3)
			found.push(`${rule}: and ${nodes.length - 3} more`);
	};
	const all = (selector) => [...document.querySelectorAll(selector)];
	const name = (element) => element.getAttribute("aria-label") || element.getAttribute("aria-labelledby");
	const scrolls = (element) => element.scrollWidth > element.clientWidth + 1;

	const root = document.documentElement;
	const closed = scrolls(root);
	all("details").forEach((details) => { details.open = true; });
	if (closed || scrolls(root))
		say("sideways", [root.tagName], `the page is ${root.scrollWidth} wide in a window of ${root.clientWidth}`);

	const axeResult = await axe.run(document, { resultTypes: ["violations"] });
	for (const violation of axeResult.violations)
		say(`axe ${violation.id} (${violation.impact})`, violation.nodes.map((node) => node.html), violation.help);

	say("table", all("table").filter((table) => !table.caption), "has no caption");
	say("table", all("th:not([scope])"), "a head without scope");
	say("chart", all("svg[role=img]").filter((svg) => !name(svg)), "a chart without a name");
	say("chart", all("figure").filter((figure) => !figure.querySelector("figcaption")), "has no caption");
	const first = document.querySelector("a[href], button, summary, [tabindex]");
	const target = first && first.hash ? document.querySelector(first.hash) : null;
	if (!target || target.tagName !== "MAIN")
		say("keyboard", [first || document.body], "the first stop is no link past the navigation");
	say("keyboard", all("a[href], summary, [tabindex='0']").filter((element) => {
		element.focus();
		return document.activeElement !== element || getComputedStyle(element).outlineStyle === "none";
	}), "cannot be focused, or does not show it");

	const text = `rules ${axeResult.passes.length + axeResult.violations.length}\n${found.join("\n")}`;
	if (window.parent !== window) {
		window.parent.postMessage(text, "*");
	} else {
		const result = document.createElement("pre");
		result.id = "result";
		result.textContent = text;
		document.body.appendChild(result);
	}
})();
