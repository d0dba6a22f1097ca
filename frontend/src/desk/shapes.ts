/** The shapes of the API that the desk shows, under the names the desk uses. All come from the OpenAPI document. */
import type { components } from '../api/schema'

type Schemas = components['schemas']

export interface Page<T> {
  items: T[]
  total: number
  page: number
  page_size: number
}

export type Me = Schemas['Me']
export type Building = Schemas['Building']
export type Place = Schemas['Place']
export type Night = Schemas['NightSummary']
export type NightDetail = Schemas['Night']
export type Figures = Schemas['Figures']
export type Round = Schemas['Round']
export type NightRoute = Schemas['NightRoute']
export type Missed = Schemas['MissedPlace']
export type Checkpoint = Schemas['Checkpoint']
export type Reading = Schemas['Reading']
export type PhotoRef = Schemas['NamedPhoto']
export type Finding = Schemas['Finding']
export type Route = Schemas['Route']
export type Tag = Schemas['Tag']
export type Placement = Schemas['Placement']
export type WornTag = Schemas['WornTag']
export type Printing = Schemas['Printing']
export type SheetRequest = Schemas['SheetRequest']
export type Person = Schemas['Person']
export type Device = Schemas['Device']
export type Enrolment = Schemas['EnrolmentCode']
export type RescueCode = Schemas['NewRescueCode']
export type Rescue = Schemas['Rescue']
export type Contradiction = Schemas['Contradiction']
export type Loss = Schemas['Loss']
export type Quarantined = Schemas['Quarantine']
export type Report = Schemas['Report']
export type ReportRow = Schemas['ReportRow']
