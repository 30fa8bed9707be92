//! The local parts and their models, which are fetched once with a progress bar.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use voicekit_local::models::{Model, Models, Progress};
use voicekit_local::{MiniLm, Parts};

use crate::{ModelArgs, console};

/// Loads the parts; fetches their models first if they are not here.
pub(crate) async fn load(args: &ModelArgs) -> Result<Parts> {
    let models = store(args)?;
    let missing = Parts::models().iter().any(|model| models.locate(model).is_none());
    if missing {
        console::note("Fetching the models; this happens once.");
    }
    let mut bar = Bar::default();
    let parts = Parts::fetch(&models, move |progress| bar.show(progress)).await?;
    if missing {
        console::note(
            "The voice en_US-joe is trained from a voice whose recordings (Blizzard 2013) may not \
             be used commercially: choose another for a product.",
        );
    }
    Ok(parts)
}

/// Loads the embedder; fetches its model first if it is not here.
pub(crate) async fn embedder(args: &ModelArgs) -> Result<MiniLm> {
    let models = store(args)?;
    let work = tokio::task::spawn_blocking(move || {
        let (model, mut bar) = (Model::minilm(), Bar::default());
        models.ensure(&[&model], &mut |progress| bar.show(progress))?;
        MiniLm::load(models.path(&model).join("model.onnx"))
    });
    Ok(work.await??)
}

fn store(args: &ModelArgs) -> Result<Models> {
    let models = match &args.models {
        Some(directory) => Models::in_directory(directory),
        None => Models::in_default_directory()?,
    };
    Ok(match &args.models_from {
        Some(directory) => models.with_source(directory),
        None => models,
    })
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

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
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
