import { UnsupportedConstructError } from '../local-error.ts'
import { Fields } from './fields.ts'
import { resolveIntrinsics, type Template } from './intrinsics.ts'

/** The properties of one resource, intrinsics resolved. */
export function resourceFields(template: Template, logicalId: string, type: string): Fields {
  const resource = template.Resources[logicalId]
  if (resource?.Type !== type) throw new UnsupportedConstructError(logicalId, `must be a resource of type ${type}`)
  if (resource.Condition !== undefined) {
    throw new UnsupportedConstructError(logicalId, 'conditions are not known before a deployment')
  }
  return new Fields(resolveIntrinsics(resource.Properties ?? {}, template, logicalId), logicalId)
}

/** The logical ids of every resource of a type, in the template's order. */
export function resourcesOfType(template: Template, type: string): string[] {
  return Object.keys(template.Resources).filter((logicalId) => template.Resources[logicalId]?.Type === type)
}
