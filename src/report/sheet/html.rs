//! A sheet as one page, in the style of `report.html`.

use askama::Template;

use super::{Sheet, class};
use crate::report::html::{SCRIPT, STYLE, capital, harmless_page, policy};
use crate::report::wording;

#[derive(Template)]
#[template(path = "sheet.html")]
struct Page<'a> {
    sheet: &'a Sheet,
    policy: String,
    style: &'static str,
    script: &'static str,
    word: String,
    sign: &'static str,
    class: &'static str,
    reasons: Vec<String>,
    checks: Vec<(&'static str, &'static str, &'static str, &'a str, &'a str)>,
}

/// The sheet as HTML.
///
/// # Errors
/// If a template cannot be written; in memory it can.
pub fn render(sheet: &Sheet) -> Result<String, askama::Error> {
    let page = Page {
        sheet,
        policy: policy(),
        style: STYLE,
        script: SCRIPT,
        word: capital(&sheet.word),
        sign: wording::sign(sheet.status),
        class: class(sheet.status),
        reasons: sheet.further_reasons().map(str::to_owned).collect(),
        checks: sheet
            .checks
            .iter()
            .map(|check| {
                (
                    class(check.status),
                    wording::sign(check.status),
                    wording::status(check.status),
                    check.text.as_str(),
                    check.observed.as_str(),
                )
            })
            .collect(),
    };
    Ok(harmless_page(&page.render()?))
}
