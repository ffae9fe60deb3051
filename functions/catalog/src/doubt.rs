//! What is not believed of a list of tools until an operator says so.

use crate::halt::Halt;
use crate::tools::Tools;
use broker::catalog::Catalog;
use broker::target::TargetName;

/// Whether a list that differs may be that of all who use the target. A person with fewer rights, or
/// a server in trouble, would take most tools from everybody.
pub(crate) fn believable(name: &TargetName, catalog: &Catalog, tools: &Tools) -> Result<(), Halt> {
    let now = tools.listed();
    let Some(before) = &catalog.listed else { return Ok(()) };
    let gone = if before.tools.is_empty() || now.tools.is_empty() {
        before.count.saturating_sub(now.count)
    } else {
        before.tools.keys().filter(|name| !now.tools.contains_key(*name)).count()
    };
    let doubt = if catalog.listed_by.is_some() && catalog.listed_by != catalog.steward {
        "another person's connection lists the tools now, and they are others".to_owned()
    } else if gone * 2 > before.count {
        format!("{gone} of {} tools are gone at once", before.count)
    } else {
        return Ok(());
    };
    Err(Halt::Failed(format!(
        "{doubt}: the gateway keeps what it has, until an operator says `latchkey targets look {name}`"
    )))
}
