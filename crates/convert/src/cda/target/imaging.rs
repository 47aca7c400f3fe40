//! The imaging report: <http://hl7.eu/fhir/imaging/StructureDefinition/BundleReportEuImaging>.

use model::Tree;

use crate::Refusal;
use crate::cda::context::Context;
use crate::cda::read::Node;

/// The document Bundle of an imaging report.
pub(super) fn assemble<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Result<Tree, Refusal> {
    super::eps::assemble(cx, root)
}
