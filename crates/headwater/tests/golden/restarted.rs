//! Every case that has a past once more, with a stop and a restart in its middle: windows,
//! state, and what streams remember. `coverage` sees to it that none is missing.

use crate::lives::in_two_lives;

macro_rules! restarted {
    ($($module:ident: $($test:ident)*;)*) => {
        $($(
            #[test]
            fn $test() {
                in_two_lives(crate::$module::$test);
            }
        )*)*
    };
}

restarted! {
    windows:
        window_01
        window_02
        window_03
        window_04
        window_06
        window_08
        window_10
        nested_window_01
        nested_window_03
        window_union_02
        by_time_02
        reduce_by_key_and_window_01
        reduce_by_key_and_window_04
        reduce_by_key_and_window_05
        group_by_key_and_window_01
        group_by_key_and_window_03
        count_by_window_01
        count_by_window_03
        top_words_01
    ;
    inverse:
        reduce_by_key_and_window_inverse_04
        reduce_by_key_and_window_inverse_05
        reduce_by_key_and_window_inverse_06
        long_run_01
        long_run_02
        reduce_by_key_and_window_inverse_filter_04
        reduce_by_key_and_window_inverse_filter_07
        join_with_own_window_04
        reduce_by_window_03
        reduce_by_window_04
        reduce_by_window_05
        count_by_value_and_window_02
        count_by_value_and_window_03
        refusal_11
    ;
    state:
        update_state_by_key_01
        update_state_by_key_02
        update_state_by_key_04
        update_state_by_key_06
        update_state_by_key_07
        chain_01
        chain_04
        map_with_state_02
        map_with_state_07
        map_with_state_08
        map_with_state_09
        map_with_state_10
        map_with_state_11
        map_with_state_12
        map_with_state_13
        refusal_13
    ;
    joins:
        join_with_own_window_03
    ;
    history:
        remember_02
        slice_01
        slice_02
        slice_05
    ;
    outputs:
        outputs_05
    ;
    queue:
        queue_08
    ;
    refusals:
        refusal_12
    ;
}
