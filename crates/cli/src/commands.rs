//! The commands, one file for each noun.

mod approvals;
mod ask;
mod audit;
mod backup;
mod channels;
mod completions;
mod config;
mod deliveries;
mod dev;
mod doctor;
mod grants;
mod groups;
mod inbox;
mod init;
mod keeping;
mod keyring;
mod keys;
mod limits;
mod members;
mod policy;
mod proof;
mod reply;
mod restore;
mod serve;
mod site;
mod verify;
mod vote;
mod wait;
mod webhooks;
mod workspace;
mod workspaces;

use anyhow::Result;
use askfirst_core::Seconds;
use clap::Subcommand;

use crate::exit::{self, Manner};

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::DevArgs),
    Init(init::InitArgs),
    Serve(serve::ServeArgs),
    Ask(ask::AskArgs),
    Wait(wait::WaitArgs),
    Inbox(inbox::InboxArgs),
    Vote(vote::VoteArgs),
    Reply(reply::ReplyArgs),
    List(approvals::ListArgs),
    Show(approvals::ShowArgs),
    Outcome(approvals::OutcomeArgs),
    Cancel(approvals::CancelArgs),
    Revoke(approvals::RevokeArgs),
    Proof(proof::ProofArgs),
    RevokeToken(proof::RevokeTokenArgs),
    Jwks(proof::JwksArgs),
    Verify(verify::VerifyArgs),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    #[command(subcommand)]
    Members(members::MembersCommand),
    #[command(subcommand)]
    Groups(groups::GroupsCommand),
    #[command(subcommand)]
    Channels(channels::ChannelsCommand),
    #[command(subcommand)]
    Deliveries(deliveries::DeliveriesCommand),
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksCommand),
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    Limits(limits::LimitsArgs),
    #[command(subcommand)]
    Grants(grants::GrantsCommand),
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
    Hold(keeping::HoldArgs),
    Release(keeping::ReleaseArgs),
    Erase(keeping::EraseArgs),
    Doctor(doctor::DoctorArgs),
    #[command(subcommand)]
    Keyring(keyring::KeyringCommand),
    #[command(subcommand)]
    Workspaces(workspaces::WorkspacesCommand),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// How it fails.
    pub(crate) const fn manner(&self) -> Manner {
        let (code, json) = match self {
            Self::Ask(args) => (exit::UNSURE, args.connection.json),
            Self::Wait(args) => (exit::UNSURE, args.connection.json),
            Self::Verify(args) => (exit::INVALID, args.json),
            Self::Dev(args) => (exit::FAILED, args.json),
            Self::Init(args) => (exit::FAILED, args.json),
            Self::Serve(_) | Self::Completions(_) => (exit::FAILED, false),
            Self::Inbox(args) => (exit::FAILED, args.connection.json),
            Self::Vote(args) => (exit::FAILED, args.connection.json),
            Self::Reply(args) => (exit::FAILED, args.connection.json),
            Self::List(args) => (exit::FAILED, args.connection.json),
            Self::Show(args) => (exit::FAILED, args.connection.json),
            Self::Outcome(args) => (exit::FAILED, args.connection.json),
            Self::Cancel(args) => (exit::FAILED, args.connection.json),
            Self::Revoke(args) => (exit::FAILED, args.connection.json),
            Self::Proof(args) => (exit::FAILED, args.connection.json),
            Self::RevokeToken(args) => (exit::FAILED, args.connection.json),
            Self::Jwks(args) => (exit::FAILED, args.connection.json),
            Self::Policy(command) => (exit::FAILED, command.json()),
            Self::Keys(command) => (exit::FAILED, command.connection().json),
            Self::Members(command) => (exit::FAILED, command.connection().json),
            Self::Groups(command) => (exit::FAILED, command.connection().json),
            Self::Channels(command) => (exit::FAILED, command.connection().json),
            Self::Deliveries(command) => (exit::FAILED, command.connection().json),
            Self::Webhooks(command) => (exit::FAILED, command.connection().json),
            Self::Audit(command) => (exit::FAILED, command.connection().json),
            Self::Limits(args) => (exit::FAILED, args.connection.json),
            Self::Grants(command) => (exit::FAILED, command.connection().json),
            Self::Workspace(command) => (exit::FAILED, command.connection().json),
            Self::Hold(args) => (exit::FAILED, args.connection.json),
            Self::Release(args) => (exit::FAILED, args.connection.json),
            Self::Erase(args) => (exit::FAILED, args.connection.json),
            Self::Doctor(args) => (exit::FAILED, args.connection.json),
            Self::Keyring(command) => (exit::FAILED, command.json()),
            Self::Workspaces(command) => (exit::FAILED, command.json()),
            Self::Backup(args) => (exit::FAILED, args.json),
            Self::Restore(args) => (exit::FAILED, args.json),
            Self::Config(command) => (exit::FAILED, command.json()),
        };
        Manner { code, json }
    }

    /// Does it; gives the exit code.
    pub(crate) fn run(self) -> Result<u8> {
        match self {
            Self::Dev(args) => args.run(),
            Self::Init(args) => args.run(),
            Self::Serve(args) => args.run(),
            Self::Ask(args) => args.run(),
            Self::Wait(args) => args.run(),
            Self::Inbox(args) => args.run(),
            Self::Vote(args) => args.run(),
            Self::Reply(args) => args.run(),
            Self::List(args) => args.run(),
            Self::Show(args) => args.run(),
            Self::Outcome(args) => args.run(),
            Self::Cancel(args) => args.run(),
            Self::Revoke(args) => args.run(),
            Self::Proof(args) => args.run(),
            Self::RevokeToken(args) => args.run(),
            Self::Jwks(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Policy(command) => command.run(),
            Self::Keys(command) => command.run(),
            Self::Members(command) => command.run(),
            Self::Groups(command) => command.run(),
            Self::Channels(command) => command.run(),
            Self::Deliveries(command) => command.run(),
            Self::Webhooks(command) => command.run(),
            Self::Audit(command) => command.run(),
            Self::Limits(args) => args.run(),
            Self::Grants(command) => command.run(),
            Self::Workspace(command) => command.run(),
            Self::Hold(args) => args.run(),
            Self::Release(args) => args.run(),
            Self::Erase(args) => args.run(),
            Self::Doctor(args) => args.run(),
            Self::Keyring(command) => command.run(),
            Self::Workspaces(command) => command.run(),
            Self::Backup(args) => args.run(),
            Self::Restore(args) => args.run(),
            Self::Config(command) => command.run(),
            Self::Completions(args) => args.run(),
        }
    }
}

/// A length of time on the command line.
fn span(text: &str) -> Result<Seconds, String> {
    let seconds = text.parse::<u32>().map(Seconds);
    seconds.or_else(|_| text.parse::<Seconds>()).map_err(|error| error.to_string())
}

/// Runs a command of the client: one thread is enough.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Runs a command of the server: a thread for each core.
fn serve_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
