//! The models, fetched once with a progress bar.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use voicekit_local::models::{Model, Models, Progress};

use crate::{ModelArgs, console};

/// The models that the agent needs, all of them in place.
pub(crate) fn ensure(args: &ModelArgs) -> Result<Models> {
    let mut models = match &args.models {
        Some(directory) => Models::in_directory(directory),
        None => Models::in_default_directory()?,
    };
    if let Some(directory) = &args.models_from {
        models = models.with_source(directory);
    }
    let (whisper, piper, minilm) = (Model::whisper_tiny_en(), Model::piper_joe(), Model::minilm());
    let wanted = [&whisper, &piper, &minilm];
    if wanted.iter().all(|model| models.locate(model).is_some()) {
        return Ok(models);
    }
    console::note("Fetching the models; this happens once.");
    let mut bar = Bar::default();
    models.ensure(&wanted, &mut |progress| bar.show(progress))?;
    bar.finish();
    console::note(
        "The voice en_US-joe is trained from a voice whose recordings (Blizzard 2013) may not be \
         used commercially: choose another for a product.",
    );
    Ok(models)
}

/// A progress bar for the model that is being fetched.
#[derive(Default)]
struct Bar {
    model: String,
    bar: Option<ProgressBar>,
}

impl Bar {
    fn show(&mut self, progress: Progress<'_>) {
        if self.model != progress.model {
            self.finish();
            progress.model.clone_into(&mut self.model);
            self.bar = Some(bar(progress.model, progress.total));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(progress.done);
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }
}

fn bar(name: &str, bytes: u64) -> ProgressBar {
    let template = "  {msg:18} {bar:30} {bytes:>10} of {total_bytes:10} {eta}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(bytes).with_style(style).with_message(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
