//! The job templates for clusters, run by as many local processes as they would have nodes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use deltaw::classroom::gradebook::Gradebook;

use crate::{
    class::{Class, drills},
    done, faults, none,
};

const SHARDS: usize = 3;

/// The class of these tests is honest and small: what is tried here is the division of labour.
fn class(folder: &Path) -> Class {
    let mut class = Class::empty(folder);
    class.honest(8);
    class
}

fn path() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_deltaw")).parent().unwrap();
    format!("{}:{}", binary.display(), env::var("PATH").unwrap())
}

fn same_as_one_run(class: &Class, shards: &Path, dir: &Path) {
    let books: Vec<PathBuf> = (0..SHARDS).map(|shard| shards.join(format!("shard-{shard}.db"))).collect();
    let (merged, table) = (dir.join("merged.db"), dir.join("merged.csv"));
    let mut merge = Command::new(env!("CARGO_BIN_EXE_deltaw"));
    done(merge.args(["class", "merge"]).args(&books).arg("--out").arg(&merged).arg("--grades").arg(&table));
    let merged = Gradebook::read(&merged).unwrap();
    none(&faults(&merged, class));
    let whole = dir.join("whole.csv");
    // With the limits that the templates leave as they are: a submission's hash includes them.
    let mut one_run = Command::new(env!("CARGO_BIN_EXE_deltaw"));
    done(one_run.args(["class", "grade"]).arg(&class.folder).arg("--out").arg(&whole).arg("--course").arg(drills()));
    assert_eq!(merged.digest().unwrap(), Gradebook::read(&whole.with_extension("db")).unwrap().digest().unwrap());
    assert_eq!(fs::read_to_string(&table).unwrap(), fs::read_to_string(&whole).unwrap());
    let parts: Vec<usize> = books.iter().map(|book| Gradebook::read(book).unwrap().students().unwrap().len()).collect();
    assert!(parts.iter().all(|students| *students > 0 && *students < 8), "{parts:?}");
}

fn all(children: impl Iterator<Item = Child>) {
    for child in children.collect::<Vec<_>>() {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn slurm_array() {
    let dir = tempfile::tempdir().unwrap();
    let (class, shards) = (class(&dir.path().join("submissions")), dir.path().join("shards"));
    let task = |index: usize| {
        let mut bash = Command::new("bash");
        bash.arg(drills().join("cluster/slurm.sh")).arg(&class.folder).arg(&shards).env("PATH", path());
        bash.env("SLURM_ARRAY_TASK_ID", index.to_string()).env("SLURM_ARRAY_TASK_COUNT", SHARDS.to_string());
        bash.env("DELTAW_COURSE", drills()).env("DELTAW_SANDBOX", "auto").spawn().unwrap()
    };
    all((0..SHARDS).map(task));
    same_as_one_run(&class, &shards, dir.path());
}

#[test]
fn kubernetes_indexed_job() {
    let text = fs::read_to_string(drills().join("cluster/kubernetes.yaml")).unwrap();
    let job: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let spec = &job["spec"];
    assert_eq!((job["apiVersion"].as_str(), job["kind"].as_str()), (Some("batch/v1"), Some("Job")));
    assert_eq!(spec["completionMode"].as_str(), Some("Indexed"));
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"].as_str(), Some("Never"), "backoffLimitPerIndex needs it");
    let container = &pod["containers"][0];
    let value = |name: &str| {
        let all = container["env"].as_sequence().unwrap();
        all.iter().find(|entry| entry["name"].as_str() == Some(name)).and_then(|entry| entry["value"].as_str()).unwrap()
    };
    assert_eq!(value("SHARDS").parse().ok(), spec["completions"].as_u64());
    let mounted = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    assert!(value("SUBMISSIONS").starts_with(mounted) && value("OUT").starts_with(mounted));
    assert_eq!(pod["volumes"][0]["name"], container["volumeMounts"][0]["name"]);

    let dir = tempfile::tempdir().unwrap();
    let (class, shards) = (class(&dir.path().join("submissions")), dir.path().join("shards"));
    let words = |key: &str| container[key].as_sequence().unwrap().iter().map(|word| word.as_str().unwrap().to_owned());
    let command: Vec<String> = words("command").chain(words("args")).collect();
    let task = |index: usize| {
        let mut pod = Command::new(&command[0]);
        pod.args(&command[1..]).env("PATH", path()).env("JOB_COMPLETION_INDEX", index.to_string());
        pod.env("SHARDS", SHARDS.to_string()).env("SUBMISSIONS", &class.folder).env("OUT", &shards);
        pod.env("COURSE", drills()).env("SANDBOX", "auto").spawn().unwrap()
    };
    all((0..SHARDS).map(task));
    same_as_one_run(&class, &shards, dir.path());
}
