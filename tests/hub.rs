//! Adapters on disk: what is written is read back to the same function, what is not understood is refused by name, what is broken is one
//! error.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use deltaw::{
    model::{Decoder, load_dir},
    peft::hub::{self, Adapter, adapterhub},
};
use serde_json::{Value, json};

/// Adapters of every kind, as their libraries wrote them.
const SAVED: [&str; 14] = [
    "lora_qv",
    "lora_all_linear",
    "lora_patterns",
    "lora_bias",
    "rslora",
    "dora_all_linear",
    "vera",
    "vera_no_projection",
    "ia3",
    "prefix_tuning",
    "prompt_tuning",
    "p_tuning",
    "houlsby",
    "pfeiffer",
];

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens")
}

fn base() -> Decoder {
    load_dir(&goldens().join("base"), &Device::Cpu).unwrap()
}

fn logits(base: &Decoder, adapter: &Adapter) -> Vec<f32> {
    let ids = Tensor::new(&[[3u32, 200, 41, 7, 7, 19]], &Device::Cpu).unwrap();
    base.forward(&ids, adapter.doors()).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn what_is_written_is_read_back_to_the_last_bit() {
    let base = base();
    for name in SAVED {
        let adapter = hub::load(&goldens().join(name).join("adapter"), &base).unwrap();
        let dir = tempfile::tempdir().unwrap();
        adapter.save(dir.path(), &base, "base").unwrap();
        let again = hub::load(dir.path(), &base).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(logits(&base, &adapter), logits(&base, &again), "{name}");
        assert_eq!(adapter.name(), again.name());
    }
}

#[test]
fn a_fusion_is_written_with_its_adapters() {
    let (base, case) = (base(), goldens().join("adapter_fusion"));
    let load = |dir: &Path, fusion: &Path| {
        let parts = ["alpha", "beta", "gamma"].map(|name| adapterhub::load(&dir.join(name), &base).unwrap());
        Adapter::Fusion(adapterhub::load_fusion(fusion, parts.into(), &base).unwrap())
    };
    let adapter = load(&case.join("adapter"), &case.join("fusion"));
    let dir = tempfile::tempdir().unwrap();
    adapter.save(dir.path(), &base, "base").unwrap();
    assert_eq!(logits(&base, &adapter), logits(&base, &load(dir.path(), dir.path())));
}

/// Loads a copy of an adapter with a changed configuration.
fn with_config(case: &str, change: &dyn Fn(&mut Value)) -> Result<Adapter, String> {
    let dir = tempfile::tempdir().unwrap();
    let from = goldens().join(case).join("adapter");
    for entry in fs::read_dir(&from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let file = dir.path().join("adapter_config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut config);
    fs::write(file, config.to_string()).unwrap();
    hub::load(dir.path(), &base()).map_err(|error| deltaw::model::one_line(&error))
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let refused = |case: &str, change: &dyn Fn(&mut Value), part: &str| {
        let error = with_config(case, change).unwrap_err();
        assert!(error.contains(part) && !error.contains('\n'), "{error}");
    };
    refused("lora_qv", &|c| c["fan_in_fan_out"] = true.into(), "option `fan_in_fan_out` is not supported");
    refused("lora_qv", &|c| c["bias"] = "some".into(), "option `bias` is not supported");
    refused("lora_qv", &|c| c["something_new"] = 3.into(), "option `something_new` is not supported");
    refused("lora_qv", &|c| c["modules_to_save"] = json!(["lm_head"]), "option `modules_to_save` is not supported");
    refused("lora_qv", &|c| c["init_lora_weights"] = "pissa_niter_4".into(), "convert it to a plain LoRA first");
    refused("lora_qv", &|c| c["layers_pattern"] = "h".into(), "option `layers_pattern` is not supported");
    refused("lora_qv", &|c| c["peft_type"] = "LOHA".into(), "peft_type `LOHA` is not supported");
    refused("lora_qv", &|c| c["target_modules"] = Value::Null, "option `target_modules` is missing");
    refused("lora_qv", &|c| c["target_modules"] = json!(["fc1"]), "chooses no projection");
    refused("lora_qv", &|c| c["target_modules"] = r"(?<!x)q_proj".into(), "look-around");
    refused("lora_qv", &|c| c["target_modules"] = json!(["q_proj"]), "that LORA on this base does not use");
    refused("lora_qv", &|c| c["target_modules"] = json!(["q_proj", "v_proj", "o_proj"]), "has no tensor");
    refused("lora_qv", &|c| c["r"] = 5.into(), "has shape [4, 64]");
    refused("lora_qv", &|c| c["rank_pattern"] = json!({"q_proj": 0}), "no whole number from 1");
    refused("lora_qv", &|c| c["lora_dropout"] = 1.5.into(), "dropout");
    refused("prompt_tuning", &|c| c["num_virtual_tokens"] = 7.into(), "num_virtual_tokens is 7");
    refused("prompt_tuning", &|c| c["num_transformer_submodules"] = 2.into(), "num_transformer_submodules");
    refused("houlsby", &|c| c["config"]["phm_layer"] = true.into(), "option `phm_layer` is not supported");
    refused("houlsby", &|c| c["config"]["non_linearity"] = "mish".into(), "option `non_linearity` is not supported");
    refused("houlsby", &|c| c["config"]["reduction_factor"] = 1e9.into(), "reduction_factor");
}

#[test]
fn targets_are_chosen_by_pefts_rules() {
    // The adapter has tensors for q and v of both layers: each of these chooses exactly those.
    for targets in [json!(["q_proj", "v_proj"]), json!(["self_attn.q_proj", "v_proj"]), json!(r".*\.(q|v)_proj")] {
        with_config("lora_qv", &|config| config["target_modules"] = targets.clone()).unwrap();
    }
    with_config("lora_qv", &|config| {
        config["target_modules"] = "all-linear".into();
        config["exclude_modules"] = json!(["k_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]);
        config["layers_to_transform"] = json!([0, 1]);
        config["layers_pattern"] = "layers".into();
    })
    .unwrap();
    let error = with_config("lora_qv", &|config| config["layers_to_transform"] = 0.into()).unwrap_err();
    assert!(error.contains("layers.1"), "{error}");
}

#[test]
fn methods_without_a_merged_weight_say_why() {
    let base = base();
    for (name, reason) in
        [("prefix_tuning", "keys and values"), ("prompt_tuning", "positions"), ("houlsby", "nonlinearity")]
    {
        let adapter = hub::load(&goldens().join(name).join("adapter"), &base).unwrap();
        let error = adapter.mergeable().err().unwrap();
        assert!(error.to_string().contains(reason), "{error}");
    }
    let biased = hub::load(&goldens().join("lora_bias/adapter"), &base).unwrap();
    let error = deltaw::peft::merge(&base, biased.mergeable().unwrap()).unwrap_err();
    assert!(error.to_string().contains("bias of B has nowhere to go"), "{error}");
}

#[test]
fn broken_tensor_files_are_one_error() {
    let base = base();
    let from = goldens().join("lora_qv/adapter");
    let bytes = fs::read(from.join("adapter_model.safetensors")).unwrap();
    let header = |text: &str, data: &[u8]| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), data].concat();
    let huge = r#"{"a":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,4]}}"#;
    let overlapping = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let lying = [&u64::MAX.to_le_bytes()[..], &bytes[8..]].concat();
    let mut nan = bytes.clone();
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let broken: [(&[u8], &str); 7] = [
        (&bytes[..bytes.len() / 2], "adapter_model.safetensors"),
        (&bytes[..4], "adapter_model.safetensors"),
        (b"", "adapter_model.safetensors"),
        (&lying, "adapter_model.safetensors"),
        (&header(huge, &[0; 4]), "adapter_model.safetensors"),
        (&header(overlapping, &[0; 4]), "adapter_model.safetensors"),
        (&nan, "holds NaN"),
    ];
    for (content, part) in broken {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(from.join("adapter_config.json"), dir.path().join("adapter_config.json")).unwrap();
        fs::write(dir.path().join("adapter_model.safetensors"), content).unwrap();
        let error = deltaw::model::one_line(&hub::load(dir.path(), &base).err().unwrap());
        assert!(error.contains(part) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_path_in_a_configuration_is_never_followed() {
    let adapter = with_config("lora_qv", &|config| config["base_model_name_or_path"] = "../../../../etc/passwd".into());
    assert!(adapter.is_ok());
}
