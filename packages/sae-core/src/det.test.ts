import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { createHash } from 'node:crypto';
import { it } from 'vitest';
import { ARCHITECTURES } from './architectures/architectures.js';
import { standard } from './architectures/standard.js';
import { resolveSpecs } from './train/train-spec.js';
import { Trainer } from './train/trainer.js';
it('det', async () => {
  await useBackend();
  const ROWS=16,WIDTH=6;
  const g = random(1,'x');
  const batches = Array.from({length:20},()=>({rows:ROWS,values:Float32Array.from({length:ROWS*WIDTH},()=>g.normal())}));
  const specs = resolveSpecs([{id:'a',sae:standard({latents:12})}],{steps:20,batch:ROWS,normalizeBatches:2,logEvery:5},ARCHITECTURES);
  const h: Record<string, number> = {};
  for (let i=0;i<60;i++){
    const t = new Trainer(specs,{site:{model:'m',hook:'h',width:WIDTH}});
    for (const b of batches) t.step(b);
    const s=t.snapshot()!.learners['a']!; t.dispose();
    const k=Object.entries(s.params).map(([n,a])=>n+createHash('md5').update(Buffer.from(a.data.buffer)).digest('hex').slice(0,4)).join(' ');
    h[k]=(h[k]??0)+1;
  }
  console.log(JSON.stringify(h,null,1));
  // primitive ops
  const x=tf.tensor2d(batches[0]!.values,[ROWS,WIDTH]);
  const ops: Record<string,()=>tf.Tensor> = {
    sum0: ()=>tf.sum(x,0), mean0: ()=>tf.mean(x,0), sum: ()=>tf.sum(tf.square(x)), sum1: ()=>tf.sum(x,1),
    mm: ()=>tf.matMul(x,x,false,true), mmT: ()=>tf.matMul(x,x,true,false),
  };
  for (const [n,f] of Object.entries(ops)) { const c: Record<string, number>={}; const junk: tf.Tensor[]=[]; for(let i=0;i<300;i++){ junk.push(tf.zeros([1+i%7])); const y=f(); const k=createHash('md5').update(Buffer.from(y.dataSync().slice().buffer)).digest('hex').slice(0,4); c[k]=(c[k]??0)+1; } console.log(n,JSON.stringify(c)); }
});
