import { useBackend, tf, sparseOps, disposeActs } from '@salmon-sae/compute';
const info = await useBackend(); console.log(info.nativeOps, info.notice);
const [d,F,B,k]=process.argv.slice(2).map(Number) as [number,number,number,number];
const ops=sparseOps();
const T=(name:string,fn:()=>any)=>{const s=performance.now();const r=fn();const t=performance.now()-s; (acc[name]??=[]).push(t); return r;};
const acc:Record<string,number[]>={};
const W=tf.randomNormal([F,d],0,1/Math.sqrt(d)) as any, x=tf.randomNormal([B,d]) as any;
const We=ops.adamMatrix(W,{beta1:0,beta2:.999,eps:1e-8}), Wd=ops.adamMatrix(W,{beta1:0,beta2:.999,eps:1e-8});
W.dispose();
const gE=ops.rowGradient(F,d), gD=ops.rowGradient(F,d);
const tile=Math.max(256,Math.floor(24e6/4/B/64)*64);
for(let step=1;step<=4;step++) tf.tidy(()=>{
 const parts:any[]=[];
 const k2=Math.floor(k);
 const th=tf.fill([F], -Math.sqrt(2)*erfinv(2*k2/F-1)) as any;
 for(let f=0;f<F;f+=tile){const n=Math.min(tile,F-f);
  const w=T('slice',()=>tf.slice(We.param.tensor() as any,[f,0],[n,d]));
  const pre=T('gemm',()=>tf.matMul(x,w as any,false,true)) as any;
  parts.push(T('sparsify',()=>ops.sparsify(pre,{threshold:tf.slice(th,f,n) as any}))); pre.dispose();}
 const a=T('concat',()=>ops.concat(parts)) as any;
 if(step==1)console.log('nnz/row',a.nnz/B);
 const r=T('residual',()=>ops.residual(a,a.value,{rows:Wd.param.tensor() as any,target:x})) as any;
 const g=T('dots',()=>ops.dots(a,r.residual,Wd.param.tensor() as any)) as any;
 const s=T('sums',()=>ops.sumByLatent(a,g)) as any;
 T('clear',()=>{ops.clear(gE);ops.clear(gD);});
 T('gWdec',()=>ops.addRows(gD,a,{coefficient:a.value,dense:r.residual,minus:{rows:Wd.param.tensor() as any,scale:s}}));
 T('gWenc',()=>ops.addRows(gE,a,{coefficient:g,dense:x}));
 T('adamE',()=>ops.adamRows(We,gE,{step,learningRate:1e-4,clip:1}));
 T('adamD',()=>ops.adamRows(Wd,gD,{step,learningRate:1e-4,clip:1,normalise:true}));
});
function erfinv(x:number){const a=.147,l=Math.log(1-x*x),t=2/(Math.PI*a)+l/2;return Math.sign(x)*Math.sqrt(Math.sqrt(t*t-l/a)-t);}
let sum=0; for(const [n,t] of Object.entries(acc)){const per=t.length/4; const last=t.slice(-per).reduce((a,b)=>a+b,0), best=Math.min(...[1,2,3].map(i=>t.slice(i*per,(i+1)*per).reduce((a,b)=>a+b,0))); sum+=best; console.log(n.padEnd(10),best.toFixed(1),last.toFixed(1));}
console.log('total',sum.toFixed(0),'ms', (B/sum*1000).toFixed(0),'tok/s; gemm GF/s',(2*B*d*F/1e6/Math.min(...[1,2,3].map(i=>{const t=acc.gemm!,per=t.length/4;return t.slice(i*per,(i+1)*per).reduce((a,b)=>a+b,0)}))).toFixed(0), 'rss GB',(process.resourceUsage().maxRSS/1e6).toFixed(1));
