"""The style of the gallery's page."""

STYLE = """
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 1.5rem; }
h1 { font-size: 1.2rem; overflow-wrap: anywhere; }
main { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: 0; padding: .5rem; border: 1px solid #8886; border-top: 3px solid #2a9d4a; max-width: 480px; }
figure.wrong { border-top-color: #d33; }
figcaption { overflow-wrap: anywhere; font-size: .85rem; }
svg { display: block; max-width: 100%; height: auto; }
rect { fill: none; stroke-width: 2; }
text { font: 11px sans-serif; paint-order: stroke; stroke: #000; stroke-width: 3px; }
.found { stroke: #4c8dff; fill: #9cc0ff; }
.missed { stroke: #ff3df2; fill: #ff9df8; }
.right { stroke: #2fd15d; fill: #8df0a9; }
.false { stroke: #ff9a1f; fill: #ffc37a; }
.crowd { stroke: #bbb; fill: #ddd; }
g.found rect, g.missed rect, g.crowd rect { stroke-dasharray: 6 3; }
ul { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none; }
li::before { content: ""; display: inline-block; width: .9rem; height: .9rem; margin-right: .4rem; vertical-align: -.1rem;
  border: 2px solid #bbb; }
li.found::before { border: 2px dashed #4c8dff; }
li.missed::before { border: 2px dashed #ff3df2; }
li.right::before { border-color: #2fd15d; }
li.false::before { border-color: #ff9a1f; }
li.crowd::before { border-style: dashed; }
"""
