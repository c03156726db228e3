//! Keys and values in pages, and in a GPU's memory with a claim of pages, are the keys and values of a plain cache.
#![allow(clippy::unwrap_used)]

mod common;

use candle_core::Device;
use common::{bases, gap};
use deltaw::{
    model::{KeyValues as _, KvCache, Shut, Span},
    serve::{PagedCache, page::PagePool},
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_change_nothing(base in bases(), text in prop::collection::vec(0u32..30, 1..60), pieces in prop::collection::vec(1usize..20, 60)) {
        let config = base.config();
        let pool = PagePool::new(1 << 22, PagedCache::page_length(config));
        let pages = PagedCache::pages_for(config, text.len());
        let mut paged = PagedCache::new(config, text.len(), &pool, &Device::Cpu).unwrap();
        prop_assert_eq!(pool.pages() - pool.available(), pages);
        let claim = pool.claim(pages * pool.page_bytes()).unwrap();
        let mut apart = PagedCache::OnDevice(KvCache::with_room(config, text.len()), claim);
        prop_assert_eq!(pool.pages() - pool.available(), 2 * pages);
        let mut plain = KvCache::new(config);
        let mut start = 0;
        for piece in pieces {
            let ids = &text[start..text.len().min(start + piece)];
            if ids.is_empty() {
                break;
            }
            let ours = base.extend(&mut [Span { ids, cache: &mut paged }], &Shut).unwrap();
            let theirs = base.extend(&mut [Span { ids, cache: &mut plain }], &Shut).unwrap();
            prop_assert_eq!(gap(&ours, &theirs), 0.0);
            let ours = base.extend(&mut [Span { ids, cache: &mut apart }], &Shut).unwrap();
            prop_assert_eq!(gap(&ours, &theirs), 0.0);
            start += ids.len();
            prop_assert_eq!((paged.len(), apart.len()), (start, start));
        }
        drop((paged, apart));
        prop_assert_eq!(pool.available(), pool.pages());
    }
}

#[test]
fn a_full_cache_says_so_and_an_empty_pool_gives_none() {
    let base = common::base();
    let pool = PagePool::new(1 << 20, PagedCache::page_length(base.config()));
    let text = [1u32; 17];
    let claim = pool.claim(1).unwrap();
    for mut cache in [
        PagedCache::new(base.config(), 16, &pool, &Device::Cpu).unwrap(),
        PagedCache::OnDevice(KvCache::with_room(base.config(), 16), claim),
    ] {
        let error = base.extend(&mut [Span { ids: &text, cache: &mut cache }], &Shut).unwrap_err().to_string();
        assert!(error.contains("room for 16"), "{error}");
        // After the error the same positions may come again.
        base.extend(&mut [Span { ids: &text[..16], cache: &mut cache }], &Shut).unwrap();
    }
    assert!(PagedCache::new(base.config(), 1 << 20, &pool, &Device::Cpu).is_none());
}
