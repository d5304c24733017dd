//! From where the claims of each lane look for what is due.

use response_domain::webhook::Lane;

use crate::queue::LowWater;

/// The low-water marks of the lanes.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    prompt: LowWater,
    patient: LowWater,
}

impl Marks {
    /// That of one.
    pub(super) const fn of(&self, lane: Lane) -> &LowWater {
        match lane {
            Lane::Prompt => &self.prompt,
            Lane::Patient => &self.patient,
        }
    }

    /// Something may have gone back to its old place in any lane. Other processes find it with their next
    /// look at everything, which is seconds away.
    pub(super) fn look_everywhere(&self) {
        self.prompt.look_everywhere();
        self.patient.look_everywhere();
    }
}
