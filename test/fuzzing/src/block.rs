//! Information blocks of the protocols. The first octet of an input is the StructureVersion, the rest is the block.

use std::fmt::Debug;

use serde_json::Value;
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Status};

/// Judges the decoders of `C` by an input.
pub fn judge<C: BlockConfig + Debug>(octets: &[u8]) {
    if let Some((version, bytes)) = octets.split_first() {
        laws::<C>(&InfoBlock::new((*version).into(), bytes.to_vec()));
        // The same octets under a triple that lies.
        let mut lying = InfoBlock::new((*version).into(), bytes.to_vec());
        lying.structure_size = lying.structure_size.wrapping_add(1);
        assert!(C::decode(&lying).is_err(), "StructureSize is not checked");
        lying = InfoBlock::new((*version).into(), bytes.to_vec());
        lying.structure_count = 2;
        assert!(C::decode(&lying).is_err(), "StructureCount is not checked");
    }
}

/// What must hold for any block: a refusal is 87 with a reason, and what is accepted says the same in every form.
pub fn laws<C: BlockConfig + Debug>(block: &InfoBlock) {
    let (config, layout) = match C::decode(block) {
        Ok(read) => read,
        Err(refusal) => {
            assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER, "{refusal}");
            assert!(!refusal.reason.is_empty());
            return;
        }
    };
    config.validate().expect("what was decoded is valid");
    let own = Layout::Waypost(C::LAYOUT);
    let again = config.encode(layout);
    assert_eq!(
        C::decode(&again).expect("what was encoded is a block"),
        (config.clone(), layout),
        "a block changes its meaning when it is written again"
    );
    if let Layout::Waypost(number) = layout {
        // One configuration has one block in each of our layouts: nothing in it was overlooked.
        assert_eq!(again.bytes, block.bytes, "octets were passed over");
        assert_eq!(again.version, number);
    }
    // Waypost's layout and text can say whatever any layout says.
    let ours = config.encode(own);
    assert_eq!(
        C::decode(&ours).expect("a block in Waypost's layout"),
        (config.clone(), own)
    );
    let text = serde_json::to_value(&config).expect("every configuration has a text");
    let printed: Value = serde_json::from_str(&text.to_string()).expect("text is text");
    assert_eq!(printed, text, "text changes when it is written down");
    let read = C::from_text(&text).expect("its own text is read");
    read.validate().expect("its own text is valid");
    assert_eq!(read, config, "text says something else than the block");
    assert_eq!(read.encode(own), ours);
    rras_is_stable(&config);
}

/// RRAS's layout drops what it cannot express; what is left stays.
fn rras_is_stable<C: BlockConfig>(config: &C) {
    let block = config.encode(Layout::Rras);
    if let Ok((read, layout)) = C::decode(&block) {
        assert_eq!(read.encode(layout), block, "a second pass changes an RRAS block");
    }
}
