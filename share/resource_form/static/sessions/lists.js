// One's own sessions that are over, by days.

import { begin } from "./follow.js";
import { makeList } from "./list.js";

begin(({ page, actions, orders }) => makeList(page, { actions, orders }));
