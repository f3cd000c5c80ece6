"""How the page of a report looks, and the pointer that reads its chart."""

from typing import Final

PAGE_STYLE: Final = """
  *{box-sizing:border-box} html{color-scheme:light dark}
  body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
  main{max-width:1240px;margin:0 auto;padding:28px 20px 60px}
  h1{font-size:22px;margin:0;line-height:1.3;overflow-wrap:anywhere} h2{font-size:16px;margin:0 0 10px}
  section{margin-top:30px} footer{margin-top:36px} .sub{margin:4px 0 0}
  .sub,.note,footer{color:var(--muted);font-size:13px}
  .warn{background:var(--warn-bg);color:var(--warn);padding:10px 14px;border-radius:8px;font-weight:600}
  .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(138px,1fr));gap:10px}
  .card{background:var(--panel);border:1px solid var(--grid);border-radius:10px;padding:11px 14px;display:grid}
  .card span,.card small{color:var(--muted);font-size:12px}
  .card b{font-size:20px;font-variant-numeric:tabular-nums} .up{color:var(--gain)} .down{color:var(--loss)}
  .picture{position:relative;overflow-x:auto} .picture svg{width:100%;min-width:640px;display:block}
  #cursor{stroke:var(--muted);stroke-dasharray:3 3;visibility:hidden}
  #tip{position:absolute;top:36px;pointer-events:none;background:var(--panel);border:1px solid var(--grid)}
  #tip{border-radius:8px;padding:7px 10px;font-size:12px;line-height:1.45;white-space:pre;visibility:hidden}
  .pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:36px}
  .pair h2:not(:first-child){margin-top:26px} @media(max-width:800px){.pair{grid-template-columns:1fr}}
  table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
  th{text-align:left;color:var(--muted);font-weight:500}
  td,th{padding:4px 10px 4px 0;border-bottom:1px solid var(--grid)} .list td:first-child{color:var(--muted)}
  td.n,th.n{text-align:right} .scroll{max-height:520px;overflow:auto}
  .scroll thead th{position:sticky;top:0;background:var(--bg)}
  .scroll td,.scroll th{white-space:nowrap;padding-right:16px}
  .months td,.months th{text-align:right;padding:4px 8px} .months th:first-child{text-align:left}
  .sum{font-weight:600} ul{padding-left:20px;margin:0} li{margin:5px 0} summary{cursor:pointer}
"""
POINTER: Final = """
const plot=document.getElementById('plot'),cursor=document.getElementById('cursor');
const tip=document.getElementById('tip');
const show=on=>{cursor.style.visibility=tip.style.visibility=on?'visible':'hidden'};
const money=v=>v.toLocaleString('en',{minimumFractionDigits:2,maximumFractionDigits:2});
plot.addEventListener('pointermove',e=>{
  const box=plot.getBoundingClientRect(),x=(e.clientX-box.left)/box.width*D.width;
  if(x<D.left||x>D.right){show(false);return}
  let low=0,high=D.x.length-1;
  while(low<high){const mid=(low+high)>>1;if(D.x[mid]<x)low=mid+1;else high=mid}
  if(low&&x-D.x[low-1]<D.x[low]-x)low--;
  const at=D.x[low]/D.width*box.width;
  cursor.setAttribute('x1',D.x[low]);cursor.setAttribute('x2',D.x[low]);
  tip.textContent=`${D.t[low]} UTC\\nequity ${money(D.e[low])}\\nbuy and hold ${money(D.b[low])}\\n`
    +`drawdown ${D.d[low]} %`;
  tip.style.left=`${at>box.width-190?at-tip.offsetWidth-12:at+12}px`;show(true)});
plot.addEventListener('pointerleave',()=>show(false));
"""
