// Made by `make generated` of the services' OpenAPI documents (scripts/api_types.py). Not to be edited.

/** A session's access token; its refresh token comes as a cookie that scripts cannot read. */
export interface AccessToken {
  /** Keep it in memory only. */
  access_token: string;
  token_type: "Bearer";
  /** Seconds. */
  expires_in: number;
  user_id: number;
  roles: Role[];
}

/** What sold best, most revenue first. */
export interface BestSellingProducts {
  products: ProductSales[];
}

/** Somebody who signs in. */
export interface Credentials {
  email: string;
  password: string;
}

/** Revenue by day, oldest first; days without an order are left out. */
export interface DailyRevenue {
  days: DayRevenue[];
  total_cents: number;
}

/** What was ordered on one day, cancelled orders left out. */
export interface DayRevenue {
  day: string;
  orders: number;
  revenue_cents: number;
}

/** Each widget once on each kind of screen. Their columns: `COLUMNS`. */
export interface Grids {
  phone: Place[];
  tablet: Place[];
  desktop: Place[];
}

/** Error rate and latency over time, services by name. */
export interface HealthHistory {
  step_seconds: number;
  /** Unix seconds: where each step begins. Every series has a value a time. */
  times: number[];
  services: HealthOfService[];
}

/** How one service answered, as the gateway saw it; null where nothing is known, or nobody asked. */
export interface HealthOfService {
  name: string;
  requests_per_second: (number | null)[];
  /** Of the answers: those with a status of 500 or more, 0 to 1. */
  error_share: (number | null)[];
  p95_ms: (number | null)[];
}

/** Languages of the front end. */
export type Language = "de" | "en";

/** The newest orders. */
export interface LatestOrders {
  id: string;
  title: string | null;
  kind: "latest_orders";
  limit: number;
}

/** One layout. Who is not its owner may only read it. */
export interface Layout {
  id: string;
  owner_id: string;
  name: string;
  updated_at: string;
  /** For If-Match; the same as the header ETag. */
  etag: string;
  document: LayoutDocument;
}

/** A whole arrangement. That its places fit is checked by `placement`. */
export interface LayoutDocument {
  version: 2;
  widgets: (RevenueByDay | LatestOrders | TopProducts | PlatformHealth | ReplicasOverTime | Note)[];
  grids: Grids;
}

/** A layout as its owner wants it. */
export interface LayoutDraft {
  /** Each of a user's layouts has another one. */
  name: string;
  document: LayoutDocument;
}

/** Layouts by id. */
export interface LayoutPage {
  layouts: LayoutSummary[];
  /** Pass as `after` for the next page; null on the last one. */
  next_after: string | null;
}

/** One layout in a list. */
export interface LayoutSummary {
  id: string;
  owner_id: string;
  name: string;
  updated_at: string;
  /** For If-Match; the same as the header ETag. */
  etag: string;
}

/** The user's own words, plain text. */
export interface Note {
  id: string;
  title: string | null;
  kind: "note";
  text: string;
}

/** One order in a list. */
export interface OrderLine {
  id: number;
  reference: string;
  customer_id: number;
  customer_name: string;
  status: OrderStatus;
  pieces: number;
  total_cents: number;
  created_at: string;
}

/** A page of orders, newest first. */
export interface OrderPage {
  orders: OrderLine[];
  /** Pass as `before` for the next page; null on the last one. */
  next_before: number | null;
}

/** Where an order stands. */
export type OrderStatus = "placed" | "paid" | "shipped" | "delivered" | "cancelled";

/** The rectangle of one widget, in columns and rows of its grid, counted from the upper left corner. */
export interface Place {
  widget: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Error rate and latency of the platform itself. */
export interface PlatformHealth {
  id: string;
  title: string | null;
  kind: "platform_health";
  minutes: number;
}

/** What holds for every layout of one user, on every device. */
export interface Preferences {
  version: 1;
  theme: Theme;
  /** null: the first that the browser asks for. */
  language: Language | null;
  /** How amounts are labelled; nothing is converted. */
  currency: string;
  /** The layout that was open last; it may be gone. null: none was. */
  open_layout: string | null;
}

/** An error (RFC 9457). `code` says which one: see docs/errors.md. */
export interface ProblemDocument {
  /** Identifies the code; its documentation. */
  type: string;
  /** The code in words; the same each time. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** What happened this time, for developers. */
  detail: string;
  /** The path that was asked for. */
  instance?: string;
  /** What a front end branches on. */
  code: string;
  /** Finds the request in traces and logs. */
  trace_id: string;
  /** With `changed_meanwhile`: both versions, for the front end to merge. */
  conflict?: {
    /** What is stored now, with its `etag`. */
    current: Record<string, unknown>;
    /** The body that was sent; null where it was to be deleted. */
    yours: Record<string, unknown> | null;
  };
  /** With `validation_failed`: what is wrong, field by field. */
  errors?: {
    /** JSON pointer into the body, or the name of a parameter. */
    field: string;
    code: string;
    /** What was expected, for developers. */
    message: string;
  }[];
}

/** What was sold of one product, cancelled orders left out, at the prices of then. */
export interface ProductSales {
  product_id: number;
  name: string;
  pieces: number;
  revenue_cents: number;
}

/** What a sign-in page offers. */
export interface ProviderList {
  /** Names, as in the path of `start`. */
  providers: string[];
}

/** Replicas over time, services by name. */
export interface ReplicaHistory {
  step_seconds: number;
  /** Unix seconds: where each step begins. Every series has a value a time. */
  times: number[];
  services: ReplicasOfService[];
}

/** What the autoscaler did with one service; null where nothing is known. Of a step the most. */
export interface ReplicasOfService {
  name: string;
  replicas: (number | null)[];
  desired: (number | null)[];
}

/** What the autoscaler did. Without names: every service. */
export interface ReplicasOverTime {
  id: string;
  title: string | null;
  kind: "replicas_over_time";
  minutes: number;
  services: string[];
}

/** Revenue of each day, and whether it grows. */
export interface RevenueByDay {
  id: string;
  title: string | null;
  kind: "revenue_by_day";
  days: number;
  trend: boolean;
}

/** What a user may be; a user may be several at once. */
export type Role = "customer" | "staff" | "admin";

/** Who else may read a layout. Only staff and admins may name roles. Whether there is such a user is not checked. */
export interface Shares {
  users: string[];
  roles: Role[];
}

/** A user's preferences, and since when; null where the user never chose any. */
export interface StoredPreferences {
  user_id: string;
  preferences: Preferences;
  updated_at: string | null;
  /** For If-Match; the same as the header ETag. */
  etag: string;
}

/** Who else may read that layout: shown to its owner alone. */
export interface StoredShares {
  layout_id: string;
  shares: Shares;
  /** For If-Match; the same as the header ETag. */
  etag: string;
}

/** Colours of the front end. */
export type Theme = "light" | "dark" | "system";

/** What sells best. */
export interface TopProducts {
  id: string;
  title: string | null;
  kind: "top_products";
  days: number;
  limit: number;
}
