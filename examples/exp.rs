use candle_core::{Device, Result};
use deltaw::{model::{Projection, Shut, load_dir}, peft::{Full, Lora, lora::{Config, Init}}, train::*};
fn main() -> Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let base = load_dir(std::path::Path::new(&a[1]), &Device::Cpu)?;
    let t = std::time::Instant::now();
    for s in skills::PRETRAINED.iter().chain(&skills::NEW) { println!("{} {:.3}", s.name, exact_match(&base, &Shut, *s, 100, 7)?); }
    println!("exam {:.1}s", t.elapsed().as_secs_f64());
    for name in ["revup", "prev", "twice"] { for lr in [1e-3, 3e-3] { for (steps, batch) in [(40, 24), (80, 24)] {
        let skill = Skill::named(name).unwrap();
        let plan = Plan { skills: vec![skill], steps, batch, learning_rate: lr, warmup: steps/10, weight_decay: 0.0, seed: 0 };
        let full = Full::new(&base)?;
        let t = std::time::Instant::now();
        let mut last = 0.0;
        fit(full.model(), &Shut, full.variables().iter().map(|(_, v)| v.clone()).collect(), &plan, |s| { last = s.loss; Ok(()) })?;
        println!("full {name} lr {lr} steps {steps}: {:.1}s loss {last:.3} em {:.2}", t.elapsed().as_secs_f64(), exact_match(full.model(), &Shut, skill, 100, 7)?);
        let lora = Lora::new(&base, Config { rank: 8, alpha: 8.0, targets: Projection::ALL.to_vec(), init: Init::Standard, seed: 0 })?;
        let plan = Plan { learning_rate: lr * 5.0, ..plan };
        let t = std::time::Instant::now();
        fit(&base, &lora, lora.variables(), &plan, |s| { last = s.loss; Ok(()) })?;
        println!("lora {name} lr {} steps {steps}: {:.1}s loss {last:.3} em {:.2}", lr*5.0, t.elapsed().as_secs_f64(), exact_match(&base, &lora, skill, 100, 7)?);
    }}}
    Ok(())
}
