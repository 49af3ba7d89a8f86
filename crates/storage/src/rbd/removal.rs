//! Removal through the trash: the name first, then the bytes, or with the last clone that needs them.
//!
//! A note of the pool says so before anything is done, so that what was cut off is found and finished, and nothing is removed that somebody
//! else has put into the trash. All of this blocks.

use super::error::{CephError, Clash};
use super::pool::{NamedImage, RbdPool};

/// Keys of the notes: the image's id behind it. Their values are the names that the images had.
const REMOVING: &str = "hatchery.removing.";

fn note(image_id: &str) -> String {
    format!("{REMOVING}{image_id}")
}

/// Whether its removal has begun.
pub(crate) fn is_going(pool: &RbdPool, image_id: &str) -> Result<bool, CephError> {
    Ok(pool.note(&note(image_id))?.is_some())
}

/// Takes the name away, and then the bytes, unless clones need them. The note stays where that fails: an error does not tell whether the name has gone,
/// and others may be at it.
pub(crate) fn take_away(pool: &RbdPool, image: &NamedImage) -> Result<(), CephError> {
    pool.set_note(&note(&image.id), &image.name)?;
    match pool.move_to_trash(&image.name) {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    finish(pool, image).map(drop)
}

/// Removes what is in the trash, and the note. `false`: it is needed still, or somebody else is at it.
pub(crate) fn finish(pool: &RbdPool, image: &NamedImage) -> Result<bool, CephError> {
    match pool.remove_from_trash(image) {
        Ok(()) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) if error.clashes(Clash::NotEmpty) || error.clashes(Clash::InUse) => {
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    pool.remove_note(&note(&image.id))?;
    Ok(true)
}

/// Removes what is left of one whose making or removal was cut off.
pub(crate) fn remove_name(pool: &RbdPool, name: &str) -> Result<(), CephError> {
    forget_name(pool, name)?;
    going_of(pool, name)?.iter().try_for_each(|image| finish(pool, image).map(drop))
}

/// The same without what is in the trash: there may be only an entry in the directory, or an object with its id.
pub(crate) fn forget_name(pool: &RbdPool, name: &str) -> Result<(), CephError> {
    if let Some(image) = pool.list()?.into_iter().find(|one| one.name == name) {
        take_away(pool, &image)?;
    }
    match pool.remove(name) {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// What is being removed that had this name.
pub(crate) fn going_of(pool: &RbdPool, name: &str) -> Result<Vec<NamedImage>, CephError> {
    let mut all = going(pool)?;
    all.retain(|image| image.name == name);
    Ok(all)
}

fn going(pool: &RbdPool) -> Result<Vec<NamedImage>, CephError> {
    let notes = pool.notes(REMOVING)?.into_iter();
    Ok(notes.map(|(key, name)| NamedImage { id: key[REMOVING.len()..].to_owned(), name }).collect())
}

/// What is being removed, and has lost its name.
pub(crate) fn in_trash(pool: &RbdPool) -> Result<Vec<NamedImage>, CephError> {
    let mut all = going(pool)?;
    if !all.is_empty() {
        let named = pool.list()?;
        all.retain(|image| !named.contains(image));
    }
    Ok(all)
}

/// Finishes removals that were cut off, and removes from the trash what no clone needs any more. What has its name still stays: whoever has begun
/// to remove it is told again, or has been refused since.
pub(crate) fn sweep(pool: &RbdPool) -> Result<(), CephError> {
    // A clone comes before what it was made of only by chance: as long as one goes, look again.
    let mut any = true;
    while any {
        any = false;
        for image in in_trash(pool)? {
            match finish(pool, &image) {
                Ok(gone) => any |= gone,
                // Others may be at it; what is left is seen again by the next sweep.
                Err(error) => {
                    tracing::debug!(image = image.name, %error, "a removal goes on later")
                }
            }
        }
    }
    Ok(())
}
