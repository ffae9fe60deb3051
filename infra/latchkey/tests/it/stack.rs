//! The operator's command against a deployment: the real clients of AWS's services, an engine for the
//! tables, and stand-ins that keep to the wire formats of the others.

mod attach;
mod aws;
mod command;
mod cut_off;
mod disconnect;
mod doctor;
mod inside;
mod refusals;
mod story;
mod world;
