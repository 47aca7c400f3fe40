//! The entities of HTML 4 that a narrative may have beside those of XML
//! (<http://hl7.org/fhir/R4/narrative.html#xhtml>, <https://www.w3.org/TR/html401/sgml/entities.html>).

const NAMES: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 \
    acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig \
    Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
    Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave \
    iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml \
    fnof Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho Sigma Tau Upsilon Phi Chi \
    Psi Omega alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau \
    upsilon phi chi psi omega thetasym upsih piv bull hellip prime Prime oline frasl weierp image real trade alefsym larr \
    uarr rarr darr harr crarr lArr uArr rArr dArr hArr forall part exist empty nabla isin notin ni prod sum minus lowast \
    radic prop infin ang and or cap cup int there4 sim cong asymp ne equiv le ge sub sup nsub sube supe oplus otimes perp \
    sdot lceil rceil lfloor rfloor lang rang loz spades clubs hearts diams quot amp lt gt apos OElig oelig Scaron scaron \
    Yuml circ tilde ensp emsp thinsp zwnj zwj lrm rlm ndash mdash lsquo rsquo sbquo ldquo rdquo bdquo dagger Dagger permil \
    lsaquo rsaquo euro";

/// Whether a name is one of these.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.split_ascii_whitespace().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::{NAMES, is_known};

    #[test]
    fn the_entities_of_html_4_are_known_and_no_others() {
        // 252 of HTML 4 and XML's apos.
        assert_eq!(NAMES.split_ascii_whitespace().count(), 253);
        assert!(is_known("eacute") && is_known("Eacute") && is_known("euro"));
        assert!(!is_known("foo") && !is_known("Euro") && !is_known(""));
    }
}
