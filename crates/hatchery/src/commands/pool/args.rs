//! The options of `hatchery pool` and `hatchery heal`.

use crate::cli::State;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `hatchery pool`.
#[derive(Debug, Args)]
pub struct PoolArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PoolCommand,
}

/// What of the pool.
#[derive(Debug, Subcommand)]
pub enum PoolCommand {
    /// List the bases: image, format, sizes, digest, links, holders, age, health; the bytes of one file are counted once.
    Ls(Place),
    /// Show one base with everyone who holds it.
    Show(Show),
    /// Read one base, or all, and compare the bytes with the digest that they were taken in with. 1 if any differ.
    Verify(Verify),
}

/// `hatchery pool show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The image's id, or the base's name.
    pub base: String,
    #[command(flatten)]
    pub place: Place,
}

/// `hatchery pool verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The image's id, or the base's name; all without it.
    pub base: Option<String>,
    #[command(flatten)]
    pub place: Place,
}

/// `hatchery heal`.
#[derive(Debug, Args)]
pub struct Heal {
    /// Say what would be done, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Without a cloud: whom bases belong to.
    #[arg(long, value_name = "USER:GROUP", default_value = "qemu:qemu")]
    pub owner: String,
    #[command(flatten)]
    pub place: Place,
}

/// Where the pool is: in a running cloud of ours, or in folders that `hatchery warm` keeps.
#[derive(Clone, Debug, Args)]
pub struct Place {
    #[command(flatten)]
    pub state: State,
    /// Look at this folder of links itself, without a cloud.
    #[arg(long, value_name = "DIR", requires = "images")]
    pub cache: Option<PathBuf>,
    /// With --cache: the folder of Glance's file store.
    #[arg(long, value_name = "DIR", requires = "cache")]
    pub images: Option<PathBuf>,
    /// With --cache: a host's `_base` folder; the disks beside it say who holds what. May be given several times.
    #[arg(long = "base", value_name = "DIR", requires = "cache")]
    pub bases: Vec<PathBuf>,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs: as the API answers.
    Json,
}
