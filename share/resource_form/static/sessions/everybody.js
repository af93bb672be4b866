// Everybody's sessions, for who may see them.

import { begin } from "./follow.js";
import { makeTable } from "./table.js";

begin(({ page, actions, orders }) => makeTable(page, { actions, orders }));
