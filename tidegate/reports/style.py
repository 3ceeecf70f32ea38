"""How a report looks: colours that page and pictures share, and the page's style sheet. Light, quiet, for any width."""

INK, FAINT, RULE, PAPER = "#1d2733", "#6b7785", "#e3e7ec", "#ffffff"
OURS, HELD = "#1f5fa8", "#9aa5b1"
GAIN, LOSS = "#2a7f62", "#b4483f"
SOFT = "#dbe7f5"
COMPARED = (OURS, "#c2701e", GAIN, "#7b5ea7", LOSS, FAINT)
HEAT = ((0.0, LOSS), (0.5, "#f7f7f5"), (1.0, GAIN))

STYLE = f"""
*{{box-sizing:border-box}}
html{{-webkit-text-size-adjust:100%}}
body{{margin:0;background:{PAPER};color:{INK};font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",
Arial,sans-serif;overflow-wrap:anywhere}}
main{{max-width:1120px;margin:0 auto;padding:28px 24px 64px}}
h1{{font-size:24px;line-height:1.25;font-weight:600;margin:0 0 4px}}
h2{{font-size:17px;font-weight:600;margin:40px 0 8px}}
h3{{font-size:14px;font-weight:600;margin:20px 0 4px;color:{FAINT}}}
p{{margin:4px 0 8px}}
.faint,small{{color:{FAINT};font-size:13px}}
.tiles{{display:grid;grid-template-columns:repeat(4,1fr);gap:1px;background:{RULE};
border:1px solid {RULE};border-radius:6px;overflow:hidden;margin:20px 0}}
.tiles div{{background:{PAPER};padding:12px 14px}}
.tiles b{{display:block;font-size:19px;font-weight:600;font-variant-numeric:tabular-nums}}
.tiles span{{color:{FAINT};font-size:13px}}
.warnings{{border-left:3px solid #c28a1e;background:#fdf8ec;padding:10px 16px;margin:20px 0;border-radius:0 6px 6px 0}}
.warnings ul{{margin:4px 0;padding-left:18px}}
.chart{{width:100%;min-width:0}}
.two{{display:grid;grid-template-columns:1fr 1fr;gap:0 32px}}
.two>*{{min-width:0}}
.wide{{overflow-x:auto;max-width:100%}}
table{{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}}
th{{text-align:left;font-weight:500;color:{FAINT}}}
th,td{{padding:4px 8px 4px 0;border-bottom:1px solid {RULE};vertical-align:top}}
td.n,th.n{{text-align:right;white-space:nowrap;overflow-wrap:normal}}
.compared td:first-child{{min-width:8em;overflow-wrap:normal;position:sticky;left:0;background:{PAPER}}}
.whole{{white-space:nowrap}}
.trades td,.trades th,.runs td.n{{white-space:nowrap;overflow-wrap:normal}}
td.n:last-child,th.n:last-child{{padding-right:0}}
.months td,.months th{{text-align:right;padding:5px 4px}}
.months th:first-child{{text-align:left}}
.months td:last-child{{font-weight:600}}
.gain{{color:{GAIN}}} .loss{{color:{LOSS}}}
details summary{{cursor:pointer;color:{FAINT};font-size:14px;margin:8px 0}}
img{{max-width:100%;height:auto;display:block}}
code{{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}}
@media (max-width:700px){{
main{{padding:18px 14px 48px}} .two{{grid-template-columns:1fr}} h1{{font-size:20px}} h2{{margin-top:32px}}
.tiles{{grid-template-columns:1fr 1fr}} .tiles b{{font-size:17px}}
.months thead{{display:none}} .months,.months tbody{{display:block}}
.months tr{{display:grid;grid-template-columns:repeat(4,1fr);border-bottom:1px solid {RULE};padding:6px 0}}
.months th{{grid-column:1/-1}} .months th,.months td{{border:0;padding:2px 0}}
.months td{{text-align:left}} .months td::before{{content:attr(data-month);display:block;color:{FAINT};font-size:11px}}
.formula{{display:none}}
:is(.trades,.compared,.folds) :is(td,th){{font-size:12px}}
.trades :is(th,td):is(:nth-child(4),:nth-child(5),:nth-child(6),:nth-child(8)){{display:none}}
}}
@media print{{.chart{{break-inside:avoid}} details{{display:none}}}}
"""
