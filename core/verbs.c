/* The table of verbs, for control. */

#include "core/verbs.h"

#include "core/control/verbs.h"

const struct control_verb core_verbs[] = {
    {"status",              verb_status             },
    {"channel.add",         verb_channel_add        },
    {"channel.list",        verb_channel_list       },
    {"channel.show",        verb_channel_show       },
    {"channel.secret",      verb_channel_secret     },
    {"channel.remove",      verb_channel_remove     },
    {"connector.add",       verb_connector_add      },
    {"connector.list",      verb_connector_list     },
    {"connector.show",      verb_connector_show     },
    {"connector.test",      verb_connector_test     },
    {"connector.rotate",    verb_connector_rotate   },
    {"connector.remove",    verb_connector_remove   },
    {"account.connect",     verb_account_connect    },
    {"account.disconnect",  verb_account_disconnect },
    {"account.list",        verb_account_list       },
    {"account.pause",       verb_account_pause      },
    {"account.resume",      verb_account_resume     },
    {"source.add",          verb_source_add         },
    {"source.list",         verb_source_list        },
    {"source.remove",       verb_source_remove      },
    {"source.default",      verb_source_default     },
    {"conversation.list",   verb_conversation_list  },
    {"clock.show",          verb_clock_show         },
    {"clock.agree",         verb_clock_agree        },
    {"queue",               verb_queue              },
    {"queue.drop",          verb_queue_drop         },
    {"dead.list",           verb_dead_list          },
    {"dead.show",           verb_dead_show          },
    {"dead.retry",          verb_dead_retry         },
    {"dead.drop",           verb_dead_drop          },
    {"quarantine.list",     verb_quarantine_list    },
    {"quarantine.show",     verb_quarantine_show    },
    {"quarantine.replay",   verb_quarantine_replay  },
    {"quarantine.drop",     verb_quarantine_drop    },
    {"trace",               verb_trace              },
    {"doctor",              verb_doctor             },
    {"doctor.check",        verb_doctor_check       },
    {"probe.call",          verb_probe_call         },
    {"erase",               verb_erase              },
    {"conversation.show",   verb_conversation_show  },
    {"conversation.import", verb_conversation_import},
};

const size_t core_n_verbs = AMO_COUNT(core_verbs);
